"""What stands between a node and a provider's adapter: each layer is a chat model around another one."""
