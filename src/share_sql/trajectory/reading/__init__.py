"""The parsers behind `trajectory.read`, each extending the one before it.

cursor       steps over tokens, errors, the context of a statement
naming       names of tables and columns
calls        function calls, casts, CASE, orderings, windows
expressions  operators and operands
filters      texts of filters: `'> 5'`, `'like 2012%'`
elements     conditions from the arguments of a where
arguments    arguments of methods, CASE written as a function
actions      methods as actions
frames       chains of methods; the parser that reads a step's value
"""
