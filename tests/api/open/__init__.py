"""Tests of the open API, most of them with the SDK that programs use."""
