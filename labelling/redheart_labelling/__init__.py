"""Labels for users' own texts by a language model, behind any endpoint in the style of OpenAI or Anthropic."""
