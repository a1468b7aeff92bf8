"""Small applications, one idea each: see README.md in this folder."""
