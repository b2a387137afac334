"""The project file mmgcn.toml: what it may contain, how it is written, and what it sets."""
