"""The words that the demo's database is made of: cities, names, goods, codes."""

from __future__ import annotations

from typing import Final

CITIES: Final = (
    ("Hamburg", "DE"), ("Köln", "DE"), ("Leipzig", "DE"), ("München", "DE"),
    ("Lyon", "FR"), ("Nantes", "FR"), ("Saint-Étienne", "FR"),
    ("Den Haag", "NL"), ("Utrecht", "NL"), ("Rotterdam", "NL"),
    ("St. Gallen", "CH"), ("Basel", "CH"),
    ("Wien", "AT"), ("Graz", "AT"),
    ("Milano", "IT"), ("Torino", "IT"),
    ("Malmö", "SE"), ("Göteborg", "SE"),
    ("Kraków", "PL"), ("Gdańsk", "PL"),
)  # fmt: skip
"""City and its country's two-letter code (ISO 3166-1)."""

STORE_CITIES: Final = (
    "Hamburg", "Köln", "Leipzig", "München", "Utrecht", "Den Haag", "Basel", "Wien", "Graz",
)  # fmt: skip

STREETS: Final = (
    "Harbour", "Station", "Market", "Mill", "Castle", "River", "Chapel", "Orchard", "Foundry", "Canal",
    "Tower", "Garden",
)  # fmt: skip

REGIONS: Final = ("NORTH", "SOUTH", "EAST", "WEST")

FIRST_NAMES: Final = (
    "Anna", "Bruno", "Clara", "David", "Elif", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Katja", "Luca",
    "Maren", "Nils", "Olga", "Piotr", "Rosa", "Samuel", "Tilda", "Umar", "Vera", "Wim", "Yara", "Zoe",
    "Marta", "Aylin", "Henrik", "Noor",
)  # fmt: skip

LAST_NAMES: Final = (
    "Albers", "Bauer", "Conti", "de Vries", "Eriksson", "Fischer", "Girard", "Hofer", "Ivanova", "Jansen",
    "Keller", "Lindqvist", "Moreau", "Nowak", "O'Brien", "Petrov", "Richter", "Santini", "Thal", "Urban",
    "van Dijk", "Weiss", "Yilmaz", "Zeller", "Brandt", "Dupont", "Haas", "Kowalski", "Meier", "Ott",
)  # fmt: skip

COMPANY_HEADS: Final = (
    "Alpen", "Baltic", "Blue Door", "Cobalt", "Delta", "Eastgate", "Fern & Sons", "Granite", "Hanse",
    "Ironwood", "Juniper", "Kestrel", "Lindenhof", "Meridian", "Nordlicht", "Oak Street", "Pioneer", "Quay",
    "Rhein", "Saltmarsh", "Tannenberg", "Union", "Vesper", "Westwind",
)  # fmt: skip

COMPANY_KINDS: Final = (
    "Bau", "Builders", "Carpentry", "Contracting", "Gardens", "Interiors", "Joinery", "Landscaping",
    "Maintenance", "Renovation", "Roofing", "Trading",
)  # fmt: skip

COMPANY_FORMS: Final = ("GmbH", "AG", "B.V.", "S.A.", "AB", "Ltd")

SUPPLIER_HEADS: Final = (
    "Acer", "Borealis", "Carbide", "Drax", "Emmental", "Ferro", "Gotha", "Halder", "Isar", "Jotun",
    "Kupfer", "Lumen", "Mosel", "Neckar", "Orion", "Polar", "Quarz", "Ruhr",
)  # fmt: skip

SUPPLIER_KINDS: Final = ("Works", "Tooling", "Supply")

GOODS: Final = (
    ("Hand Tools", ("Claw Hammer", "Chisel", "Hand Saw", "Spirit Level", "Pliers", "Screwdriver Set")),
    ("Power Tools", ("Cordless Drill", "Angle Grinder", "Jigsaw", "Belt Sander", "Circular Saw")),
    ("Fixings & Screws", ("Wood Screws", "Wall Plugs", "Hex Bolts", "Washers", "Nails")),
    ("Paint", ("Wall Paint", "Wood Varnish", "Primer", "Metal Paint")),
    ("Garden", ("Wheelbarrow", "Hose", "Secateurs", "Rake", "Planter")),
    ("Lighting", ("LED Panel", "Work Light", "Wall Lamp", "Floodlight")),
)
"""Category and the goods in it."""

HEAVIEST: Final = {
    "Hand Tools": 3, "Power Tools": 9, "Fixings & Screws": 2, "Paint": 14, "Garden": 18, "Lighting": 5,
}  # fmt: skip
"""Greatest weight in a category, in kg."""

GRADES: Final = ("Basic", "Classic", "Pro", "Compact", "Heavy Duty", "XL")

SEGMENTS: Final = ("smb", "enterprise", "public")
STATUSES: Final = ("Shipped", "Pending", "Cancelled", "Back-Ordered")
WAYS: Final = ("Road", "Rail", "Air", "Sea")
REASONS: Final = ("DMG", "WRG", "LATE", "NLK")
