"""HTTP interface of Mainspring."""
