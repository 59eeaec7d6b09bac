"""Folders ready for upload to the Hugging Face Hub: the app as a Space, checkpoints as models, the truth set's card."""
