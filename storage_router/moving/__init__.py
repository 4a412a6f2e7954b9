"""Moving the files of a route to another backend, without downtime. A Django app: ``storage_router.moving``."""
