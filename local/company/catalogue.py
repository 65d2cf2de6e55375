"""What the company sells and buys, and what its currencies are worth."""

from dataclasses import dataclass
from datetime import date
from math import sin

CHANNELS = ("Trade counter", "Field sales", "Web shop", "Export")

# Units for one Australian dollar, about.
MARKET = {"AUD": 1.0, "USD": 0.654, "EUR": 0.5985, "GBP": 0.5121, "NZD": 1.0934, "CNY": 4.6712}


@dataclass(frozen=True)
class Item:
    code: str
    name: str
    price: int  # Australian cents, before tax
    taxed: bool = True

    @property
    def loose(self) -> bool:
        """Sold by weight, so that quantities have up to four places."""
        return self.code == "FLR-SD"

    @property
    def tracked(self) -> bool:
        """Whether Xero counts the stock: not of loose goods, nor of machines, which are ordered when sold."""
        return not self.loose and self.price < 100_000


ITEMS = (
    Item("CUP-08", "Paper cup 8 oz double wall, sleeve of 500", 6890),
    Item("CUP-12", "Paper cup 12 oz double wall, sleeve of 500", 8450),
    Item("CUP-16", "Paper cup 16 oz double wall, sleeve of 500", 9925),
    Item("LID-90", "Lid 90 mm sugarcane, carton of 1,000", 7740),
    Item("TRAY-4", "Moulded carry tray for four cups, carton of 300", 5515),
    Item("BAG-K1", "Kraft bag no. 1, pack of 1,000", 3320),
    Item("BAG-K4", "Kraft bag no. 4, pack of 500", 4105),
    Item("NAP-2P", "Napkin two-ply, carton of 3,000", 4870),
    Item("BOX-PZ12", "Pizza box 12 inch, pack of 100", 5230),
    Item("BOX-CK10", "Cake box 10 inch, pack of 100", 7185),
    Item("FOIL-300", "Aluminium foil 300 mm × 150 m", 2995),
    Item("WRAP-450", "Cling wrap 450 mm × 600 m", 3340),
    Item("PAPER-BK", "Baking paper, 500 sheets", 4699),
    Item("GLV-NIT-M", "Nitrile gloves, medium, box of 100", 1290),
    Item("GLV-NIT-L", "Nitrile gloves, large, box of 100", 1290),
    Item("APR-BLK", "Bib apron, black", 2450),
    Item("TWL-BAR", "Bar towel, pack of 12", 1875),
    Item("DTG-5L", "Dishwashing detergent, 5 L", 2265),
    Item("SAN-5L", "Food-grade sanitiser, 5 L", 3180),
    Item("DESC-1K", "Espresso machine descaler, 1 kg", 2640),
    Item("BEAN-HB", "House blend coffee beans, 1 kg", 2850, taxed=False),
    Item("BEAN-SO", "Single origin coffee beans, 1 kg", 3675, taxed=False),
    Item("BEAN-DC", "Decaffeinated coffee beans, 1 kg", 3390, taxed=False),
    Item("TEA-EB", "English breakfast tea, 250 pyramids", 6230, taxed=False),
    Item("CHAI-2K", "Spiced chai powder, 2 kg", 3915),
    Item("CHOC-2K", "Drinking chocolate, 2 kg", 3560),
    Item("SYR-VAN", "Vanilla syrup, 750 ml", 1345),
    Item("SYR-CAR", "Caramel syrup, 750 ml", 1345),
    Item("MILK-OAT", "Barista oat milk, 12 × 1 L", 4260, taxed=False),
    Item("MILK-ALM", "Barista almond milk, 12 × 1 L", 4420, taxed=False),
    Item("FLR-125", "Bakers flour, 12.5 kg", 1980, taxed=False),
    Item("FLR-SD", "Sourdough flour, per kg", 245, taxed=False),
    Item("SUG-15", "Raw sugar, 15 kg", 2675, taxed=False),
    Item("YST-500", "Instant yeast, 500 g", 695, taxed=False),
    Item("OIL-20", "Canola oil, 20 L", 6740, taxed=False),
    Item("TIN-LF", "Loaf tin with lid, 900 g", 4225),
    Item("PAN-SHT", "Sheet pan, aluminium, 18 × 26 inch", 3150),
    Item("JUG-600", "Milk jug, 600 ml", 2895),
    Item("TMP-58", "Tamper, 58 mm", 6450),
    Item("GRD-E65", "Coffee grinder E65", 214900),
    Item("ESP-2G", "Espresso machine, two groups", 849000),
    Item("MIX-20", "Planetary mixer, 20 L", 389500),
    Item("FRG-UB2", "Under-bench fridge, two doors", 268000),
    Item("SHLF-4T", "Wire shelving, four tiers", 24990),
)

# What bills are for besides stock: account code, words, usual amount in cents, taxed.
EXPENSES = (
    ("400", "Trade press advertisement", 85000, True),
    ("404", "Merchant facility fees", 21240, False),
    ("408", "Warehouse cleaning", 46000, True),
    ("412", "Bookkeeping and advice", 124000, True),
    ("425", "Courier and pallet freight", 38750, True),
    ("433", "Business insurance instalment", 152300, True),
    ("441", "Legal advice on supply terms", 187000, True),
    ("445", "Electricity, warehouse", 211500, True),
    ("449", "Fuel cards, delivery vans", 94300, True),
    ("453", "Office consumables", 15640, True),
    ("461", "Catalogue printing", 276000, True),
    ("469", "Rent, warehouse and showroom", 985000, True),
    ("473", "Forklift service", 54800, True),
    ("485", "Software subscriptions", 39900, True),
    ("489", "Telephone and internet", 28900, True),
    ("493", "Travel to suppliers", 133700, True),
)


def market_rate(base: str, currency: str, on: date, places: int = 6) -> float:
    """Foreign units for one unit of the base currency on a day: 1 for the base currency, else a slow wave."""
    if currency == base:
        return 1.0
    at = on.toordinal()
    wave = 0.034 * sin(at / 97 + len(currency)) + 0.011 * sin(at / 13 + ord(currency[0]) + ord(base[0]))
    return round(MARKET[currency] / MARKET[base] * (1 + wave), places)
