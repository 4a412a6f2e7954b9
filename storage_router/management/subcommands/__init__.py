"""The subcommands, one module each: ``HELP``, ``add_arguments(parser)`` and ``run(output, options)``.

``run`` returns the exit status: 0 all is well, 1 the answer is no (something failed, is stale, or has no place to go).
"""
