"""Memory: what each policy reserves, what the model needs, and what that costs."""
