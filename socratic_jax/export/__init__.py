"""Trained students as Hugging Face directories that run without this project."""
