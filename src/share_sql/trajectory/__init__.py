"""The trajectory language: nodes, reader, writer, from SQL, to SQL."""
