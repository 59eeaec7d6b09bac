"""The web app: tabs Reconstruct, Swap and Maps over one pipeline. The only place that imports gradio."""
