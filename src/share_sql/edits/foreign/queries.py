"""Clauses of other dialects: FETCH, TOP, ROWNUM, ties, locks, hints, prefixes, members of set operations."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.foreign.nodes import Reading, call, divided, integer, number
from share_sql.edits.foreign.sources import groups, laterals, named_values, numbered_rows, texts_of_arrays
from share_sql.edits.foreign.target import Clause


def prefixes(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """`public.sale`, `[dbo].[sale]`, `project.dataset.sale`: namespaces that the database does not have."""
    known = dialect_of(reading.schema.dialect).before_tables or frozenset()
    known |= {table.namespace.lower() for table in reading.schema.tables if table.namespace is not None}
    found = ""
    for node in list(tree.find_all(exp.Table, exp.Column)):
        place = node.args.get("db")
        if place is None or not isinstance(node.this, exp.Identifier | exp.Star):
            continue
        name = place.name if isinstance(place, exp.Expr) else str(place)  # T-SQL's `base..table` has none
        if name.lower() not in known - {""}:
            found = f"the prefix {name}."
            node.set("db", None)
            node.set("catalog", None)
    return tree, found


def locks(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """FOR UPDATE, WITH (NOLOCK), hints, STRAIGHT_JOIN: how to run a query, not what it gives."""
    found = ""
    for node in list(tree.find_all(exp.Query, exp.Table)):
        for key in ("locks", "hints", "hint", "operation_modifiers", "options", "kind"):
            if node.args.get(key) and not (key == "kind" and not isinstance(node, exp.Select)):
                node.set(key, None)
                found = "locks and hints"
    for join in tree.find_all(exp.Join):
        if str(join.args.get("kind", "")).upper() == "STRAIGHT_JOIN":
            join.set("kind", None)
            found = "STRAIGHT_JOIN"
        if join.args.get("hint"):
            join.set("hint", None)
            found = "locks and hints"
    return tree, found


def dual(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """`FROM DUAL`: a query of no table."""
    found = ""
    for select in tree.find_all(exp.Select):
        source = select.args.get("from_")
        table = source.this if source is not None else None
        is_dual = isinstance(table, exp.Table) and table.name.upper() == "DUAL"
        if is_dual and not select.args.get("joins") and reading.schema.table("dual") is None:
            select.set("from_", None)
            found = "FROM DUAL"
    return tree, found


def row_numbers(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """Oracle's `WHERE ROWNUM <= 5`."""
    found = ""
    for select in list(tree.find_all(exp.Select)):
        where = select.args.get("where")
        for test in (
            list(where.this.flatten())
            if where is not None and isinstance(where.this, exp.And)
            else [where.this]
            if where is not None
            else []
        ):
            bare = test.this if isinstance(test, exp.Paren) else test
            if not isinstance(bare, exp.LTE | exp.LT | exp.EQ):
                continue
            name, count = bare.this, integer(bare.expression)
            is_rownum = isinstance(name, exp.Column | exp.Pseudocolumn) and name.name.upper() == "ROWNUM"
            if not is_rownum or count is None or select.args.get("limit"):
                continue
            if _is_known(select, "ROWNUM", reading):
                continue
            found = "ROWNUM"
            select.set("limit", exp.Limit(expression=number(count - isinstance(bare, exp.LT))))
            _take_out(select, test)
            where = select.args.get("where")
            break
    return tree, found


def _is_known(select: exp.Select, name: str, reading: Reading) -> bool:
    """Whether a table or a query below gives a column of this name."""
    aliases = {alias.alias.upper() for alias in select.find_all(exp.Alias)}
    return bool(reading.schema.tables_with(name)) or name in aliases


def _take_out(select: exp.Select, test: exp.Expr) -> None:
    parent = test.parent
    if isinstance(parent, exp.And):
        parent.replace(parent.expression if parent.this is test else parent.this)
    else:
        select.set("where", None)


def limits(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """FETCH FIRST and TOP, plain, with PERCENT and WITH TIES."""
    found = ""
    for query in list(tree.find_all(exp.Query)):
        limit = query.args.get("limit")
        if not isinstance(limit, exp.Fetch | exp.Limit):
            continue
        options = limit.args.get("limit_options")
        if isinstance(limit, exp.Limit) and options is None:
            if isinstance(limit.expression, exp.Paren):
                limit.set("expression", limit.expression.this)
            continue
        count = limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression
        count = number(1) if count is None else count.unnest()
        percent = bool(options and options.args.get("percent"))
        ties = bool(options and options.args.get("with_ties"))
        found = "TOP" if isinstance(limit, exp.Limit) else "FETCH FIRST"
        if percent:
            count = _share(query, count)
        if not ties:
            query.set("limit", exp.Limit(expression=count))
            continue
        whole = with_ties(query, count, reading) if isinstance(query, exp.Select) else None
        if whole is None:
            continue
        if query is tree:
            tree = whole
        else:
            query.replace(whole)
    return tree, found


def _share(query: exp.Query, percent: exp.Expr) -> exp.Expr:
    """The number of rows that are so many percent of a query's, rounded up."""
    counted = query.copy()
    for key in ("limit", "order"):
        counted.set(key, None)
    rows = exp.select(exp.Count(this=exp.Star())).from_(exp.Subquery(this=counted))
    item = rows.selects[0]
    up = exp.Add(this=exp.Mul(this=item.copy(), expression=percent.copy()), expression=number(99))
    item.replace(divided(exp.Paren(this=up), number(100)))
    return exp.Subquery(this=rows)


def with_ties(query: exp.Select, count: exp.Expr, reading: Reading) -> exp.Select | None:
    """The first rows and all that are equal to the last of them: by their rank."""
    order = query.args.get("order")
    if order is None or query.args.get("distinct") or not named_items(query, reading):
        return None
    inner = query.copy()
    for key in ("limit", "order", "offset"):
        inner.set(key, None)
    keys = [_meant(term, query) for term in order.expressions]
    rank = exp.Window(this=exp.Anonymous(this="RANK"), order=exp.Order(expressions=keys))
    place = free_name("place", query)
    names = [
        exp.column(exp.to_identifier(item.alias_or_name, quoted=_is_quoted(item))) for item in inner.selects
    ]
    inner.select(exp.alias_(rank, place), copy=False)
    test = exp.LTE(this=exp.column(place), expression=count.copy())
    source = exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("ranked")))
    return exp.select(*names).from_(source).where(test).order_by(exp.column(place))


def _meant(term: exp.Expr, query: exp.Select) -> exp.Expr:
    """An ORDER BY term with aliases and positions replaced by what they stand for."""
    term = term.copy()
    key = term.this
    at = integer(key)
    aliases = {item.alias.lower(): item.this for item in query.selects if isinstance(item, exp.Alias)}
    if at is not None and 1 <= at <= len(query.selects):
        key.replace(query.selects[at - 1].unalias().copy())
    elif isinstance(key, exp.Column) and not key.table and key.name.lower() in aliases:
        key.replace(aliases[key.name.lower()].copy())
    return term


def _is_quoted(item: exp.Expr) -> bool:
    name = item.args.get("alias") if isinstance(item, exp.Alias) else item.this
    return bool(isinstance(name, exp.Identifier) and name.args.get("quoted"))


def free_name(name: str, query: exp.Expr) -> str:
    """A name that no identifier of a query has."""
    taken = {node.name.lower() for node in query.find_all(exp.Identifier)}
    while name in taken:
        name += "_"
    return name


def named_items(query: exp.Select, reading: Reading) -> bool:
    """Give each output column a name of its own, stars written out; false where a star cannot be."""
    if any(item.is_star for item in query.selects):
        items = list(expanded(query, reading))
        if not items:
            return False
        query.set("expressions", items)
    seen: set[str] = set()
    for item in list(query.selects):
        name = item.alias_or_name
        if not name or name.lower() in seen or not isinstance(item, exp.Alias | exp.Column):
            name = free_name(f"column_{len(seen) + 1}", query)
            item.replace(exp.alias_(item.unalias().copy(), name))
        seen.add(name.lower())
    return True


def expanded(query: exp.Select, reading: Reading) -> Iterator[exp.Expr]:
    """The output columns with stars as the columns of their tables; nothing where a source is no table."""
    sources = [query.args["from_"].this] if query.args.get("from_") else []
    sources += [join.this for join in query.args.get("joins") or ()]
    items: list[exp.Expr] = []
    for item in query.selects:
        if not item.is_star:
            items.append(item.copy())
            continue
        if isinstance(item, exp.Star) and (item.args.get("except_") or item.args.get("replace")):
            return
        wanted = item.table.lower() if isinstance(item, exp.Column) else ""
        for source in sources:
            table = reading.schema.table(source.name) if isinstance(source, exp.Table) else None
            if table is None:
                return
            if wanted in ("", source.alias_or_name.lower()):
                qualifier = source.alias_or_name if len(sources) > 1 else None
                items += [
                    exp.column(exp.to_identifier(column.name), table=qualifier) for column in table.columns
                ]
    yield from items


def firsts(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """DISTINCT ON: the first row of each group, by its number; QUALIFY's stars, written out.

    sqlglot rewrites QUALIFY itself; a star there would give the numbers too.
    """
    found = ""
    for select in list(tree.find_all(exp.Select)):
        if select.args.get("qualify"):
            items = list(expanded(select, reading)) if any(item.is_star for item in select.selects) else []
            select.set("expressions", items or select.expressions)
            found = "QUALIFY"
        whole = _first_of_each(select, reading)
        if whole is None:
            continue
        found = "DISTINCT ON"
        if select is tree:
            tree = whole
        else:
            select.replace(whole)
    return tree, found


def _first_of_each(select: exp.Select, reading: Reading) -> exp.Select | None:
    distinct, order = select.args.get("distinct"), select.args.get("order")
    keys = distinct.args.get("on") if distinct is not None else None
    if keys is None or select.args.get("group") or not named_items(select, reading):
        return None
    inner = select.copy()
    for key in ("distinct", "order", "limit", "offset"):
        inner.set(key, None)
    names = [
        exp.column(exp.to_identifier(item.alias_or_name, quoted=_is_quoted(item))) for item in inner.selects
    ]
    terms = [_meant(term, select) for term in order.expressions] if order is not None else []
    parts = keys.expressions if isinstance(keys, exp.Tuple) else [keys]
    ordered = {"order": exp.Order(expressions=[term.copy() for term in terms])} if terms else {}
    place = exp.Window(
        this=call("ROW_NUMBER"), partition_by=[part.unnest().copy() for part in parts], **ordered
    )
    at, row = free_name("place", select), free_name("row_place", select)
    inner.select(exp.alias_(place, at), copy=False)
    if terms:
        position = exp.Window(this=call("ROW_NUMBER"), order=exp.Order(expressions=terms))
        inner.select(exp.alias_(position, row), copy=False)
    source = exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("placed")))
    whole = exp.select(*names).from_(source).where(exp.EQ(this=exp.column(at), expression=number(1)))
    if terms:
        whole = whole.order_by(exp.column(row))
    for key in ("limit", "offset", "with_"):
        if select.args.get(key):
            whole.set(key, select.args[key].copy())
            inner.set(key, None)
    return whole


_MOST_OPERATIONS = 60
"""Set operations of a query whose members are put into subqueries; each is copied with all that is in it."""


def members(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """SQLite has no parentheses round the members of set operations, nor ORDER BY in them."""
    found = ""
    operations = list(tree.find_all(exp.SetOperation))
    for operation in operations:
        for key in ("this", "expression"):
            member = operation.args[key]
            if isinstance(member, exp.Subquery) and not member.alias:
                query = member.this
                found = "parentheses"
                outer = {name for name in ("order", "limit", "offset") if member.args.get(name)}
                plain = isinstance(query, exp.Select) and not outer and not _is_cut(query)
                if plain or (
                    key == "this" and isinstance(query, exp.SetOperation) and not outer and not _is_cut(query)
                ):
                    operation.set(key, query)
                elif _is_only_ordered(query) and not outer:
                    query.set("order", None)
                    operation.set(key, query)
                else:
                    operation.set(key, exp.select("*").from_(member.copy()))
            elif len(operations) > _MOST_OPERATIONS:
                continue
            elif key == "expression" and isinstance(member, exp.SetOperation):
                operation.set(key, exp.select("*").from_(exp.Subquery(this=member.copy())))
                found = "the order of set operations"
            elif isinstance(member, exp.Select) and _is_cut(member):
                operation.set(key, exp.select("*").from_(exp.Subquery(this=member.copy())))
                found = "ORDER BY in a member"
    return tree, found


def _is_cut(query: exp.Expr) -> bool:
    return any(query.args.get(key) for key in ("order", "limit", "offset", "with_"))


def _is_only_ordered(query: exp.Expr) -> bool:
    """Whether ORDER BY is all that a member has: it changes nothing that a set operation gives."""
    rest = any(query.args.get(key) for key in ("limit", "offset", "with_"))
    return isinstance(query, exp.Select) and bool(query.args.get("order")) and not rest


def bags(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """EXCEPT ALL and INTERSECT ALL: equal rows are numbered, so that each counts for itself."""
    found = ""
    for operation in list(tree.find_all(exp.Except, exp.Intersect)):
        if operation.args.get("distinct") is not False:
            continue
        if reading.reader == "clickhouse":
            operation.set("distinct", True)  # where ALL is meant by default, and rarely by who writes it
            continue
        sides = [operation.this, operation.expression]
        if not all(isinstance(side, exp.Select) and _is_plain(side) for side in sides):
            continue
        first = sides[0]
        if not all(named_items(side, reading) for side in sides):
            continue
        names = [exp.column(exp.to_identifier(item.alias_or_name)) for item in first.selects]
        for side in sides:
            keys = [item.unalias().copy() for item in side.selects]
            window = exp.Window(this=exp.Anonymous(this="ROW_NUMBER"), partition_by=keys)
            side.select(exp.alias_(window, "copy_number"), copy=False)
        found = "ALL"
        operation.set("distinct", True)
        whole = exp.select(*names).from_(
            exp.Subquery(this=operation.copy(), alias=exp.TableAlias(this=exp.to_identifier("rows_left")))
        )
        if operation is tree:
            tree = whole
        else:
            operation.replace(whole)
    return tree, found


def _is_plain(select: exp.Select) -> bool:
    keys = ("group", "distinct", "limit", "offset", "having", "qualify")
    return not any(select.args.get(key) for key in keys) and select.find(exp.AggFunc) is None


def outer_marks(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """Oracle's `a.x = b.y (+)`: an outer join."""
    if not any(column.args.get("join_mark") for column in tree.find_all(exp.Column)):
        return tree, ""
    from sqlglot.transforms import eliminate_join_marks

    rewritten = eliminate_join_marks(tree)
    return (rewritten, "(+)") if isinstance(rewritten, exp.Query) else (tree, "")


def null_order(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """Where the text does not say where NULL comes, the database's own order stays."""
    for ordered in tree.find_all(exp.Ordered):
        ordered.set("nulls_first", not ordered.args.get("desc"))
    return tree, ""


CLAUSES: tuple[Clause, ...] = (
    outer_marks, prefixes, locks, dual, row_numbers, numbered_rows, limits, firsts, named_values, laterals,
    texts_of_arrays, groups, bags, members,
)  # fmt: skip
"""In order."""
