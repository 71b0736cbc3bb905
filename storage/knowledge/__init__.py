"""Knowledge bases: documents cut into chunks, kept in the relational store and found through an index."""
