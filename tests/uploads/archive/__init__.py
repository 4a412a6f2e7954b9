"""The app of the browser tests: folders of documents, uploaded directly."""
