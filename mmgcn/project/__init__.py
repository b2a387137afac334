"""The project file mmgcn.toml: its keys, its precedence, and writing a first one."""
