"""Folders for the Hugging Face Hub: the app as a Space, checkpoints as models, the truth set's card."""
