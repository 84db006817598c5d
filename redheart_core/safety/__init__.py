"""Help for a person in crisis: signs in a text, and who to call; light to import, and no plugin can switch it off."""
