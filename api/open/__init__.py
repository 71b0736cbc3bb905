"""The interface that programs written for Coze call, answered as its SDKs read it."""
