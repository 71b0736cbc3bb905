"""The revisions, one after another. `storage.migrations.shape.HEAD` names the newest."""
