"""The only room that knows the order: tree and worker behind the wall; scan and judge before it."""

#: what runs behind the wall to read a file
READ = "modelairlock.pipeline.worker:read"
#: the same with libraries that few files need
READ_FULL = "modelairlock.pipeline.full_worker:read"
#: what plans a conversion and decodes for it
CONVERT = "modelairlock.pipeline.convert_worker:answer"
