"""The desktop's hands and eyes: what an action does on a screen."""
