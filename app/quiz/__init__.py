"""The questions of tab Predict: what a class argues about before clicking, answered by the loaded model."""
