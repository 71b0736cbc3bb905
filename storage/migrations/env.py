"""What Alembic runs: the revisions, on the connection that `migrate` has opened."""

from alembic import context

import storage.tables as tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.Organisation.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
