"""Small analyzers of public label sets: five fields by three architectures, each a module, a node and a group."""
