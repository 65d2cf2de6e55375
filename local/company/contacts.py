"""Customers and suppliers: most of them plain, some with names that break careless software."""

from dataclasses import dataclass, field
from random import Random

from local.company.catalogue import MARKET
from local.company.offices import OVERSEAS, Scene
from local.company.wire import DAY, Record, guid, midnight, money, stamp

_PLACES = """
    Ashgrove Balmain Bendigo Brunswick Coogee Dandenong Eltham Fremantle Glebe Hawthorn Ipswich Jannali Katoomba
    Leichhardt Marrickville Newtown Orange Paddington Quorn Richmond Surry Toowoomba Ultimo Vaucluse
    Warrnambool Yarraville Zetland Noosa Hobart Fitzroy
"""
_SHOPS = "Café Bakehouse Espresso Kitchen Bistro Roasters Patisserie Canteen Deli Diner"
_HOUSES = "Northgate Ironbark Pacific Redgum Southern Harbour Wattle Summit Banksia"
_TRADES = "Packaging Mills Freight Chemicals Equipment Imports Paper Foods Textiles"
FIRST = ("Amira", "Ben", "Chloé", "Dinesh", "Elif", "Fergus", "Grace", "Hana", "Ilya", "José", "Kiri", "Linh")
LAST = ("Abbott", "Brennan", "Costa", "D'Souza", "Eriksen", "Fitzgerald", "Güneş", "Haddad", "Ito", "Nguyễn")

# CJK, Kana, right-to-left, combining marks, emoji with joiners, markup, quotes, a pipe, a no-break space.
UNUSUAL = (
    "東京珈琲商会 株式会社",
    "广州晨光包装有限公司",
    "서울커피 주식회사",
    "مخبز النخيل الذهبي",
    "מאפיית הזהב בע״מ",
    "Cre\u0301merie du Pe\u0301rigord",
    "Bäckerei Groß & Söhne GmbH",
    "Phở Hòa Bình",
    "Sunrise Café 🥐☕",
    "👩‍🍳 Nonna's Table",
    "Ελληνικός Φούρνος",
    "Кофейня «Север»",
    "O'Neill & Sons <Deli>",
    'Smith | Sons "Provedores"',
    "Zoë\u00a0Müller\u00a0Catering",
    "𝒱intage 𝒯ea 𝒞o.",
)


@dataclass
class Contact:
    id: str
    name: str
    customer: bool
    supplier: bool
    region: str
    currency: str
    foreign: bool
    terms: int
    archived: bool = False
    merged_to: "Contact | None" = None
    updated: int = 0
    # Outstanding and overdue in cents of base currency, by "AccountsReceivable" and "AccountsPayable".
    balances: dict[str, list[int]] = field(default_factory=dict)

    @property
    def stub(self) -> Record:
        """How the contact stands inside a document."""
        return {
            "ContactID": self.id,
            "Name": self.name,
            "Addresses": [],
            "Phones": [],
            "ContactGroups": [],
            "ContactPersons": [],
            "HasValidationErrors": False,
        }


def draw_contacts(random: Random, scene: Scene, count: int) -> list[Contact]:
    """About two thirds customers, one third suppliers, a few both; archived and merged ones at the end."""
    plain = [f"{place} {shop}" for place in _PLACES.split() for shop in _SHOPS.split()]
    trade = [f"{house} {trade}" for house in _HOUSES.split() for trade in _TRADES.split()]
    random.shuffle(plain)
    random.shuffle(trade)
    office = scene.office
    currencies = [currency for currency in ("USD", *MARKET) if currency != office.currency]
    retired = 18
    contacts = []
    for number in range(count):
        supplier = number % 3 == 2
        if number < 2 * len(UNUSUAL) and number % 2:
            name = UNUSUAL[number // 2]
        else:
            name = (trade if supplier and trade else plain).pop()
        foreign = number % 7 == 3
        archived = number >= count - retired
        region = OVERSEAS if foreign else office.closed_region if archived else random.choice(office.regions)
        # A third come from the import with which the books began, all with one stamp.
        since = midnight(scene.first) - 300 * DAY
        late = since if random.random() < 0.33 else random.randrange(since, scene.limit)
        contacts.append(
            Contact(
                id=guid(random),
                name=name,
                customer=not supplier or number % 12 == 2,
                supplier=supplier,
                region=region,
                currency=random.choice(currencies) if foreign else office.currency,
                foreign=foreign,
                terms=random.choice((14, 30, 30, 45)),
                archived=archived,
                updated=late,
            )
        )
    for gone in contacts[-6:]:
        gone.merged_to = random.choice(contacts[: count - retired])
    return contacts


def contact_record(contact: Contact, random: Random) -> Record:
    record: Record = {"ContactID": contact.id}
    first, last = random.choice(FIRST), random.choice(LAST)
    if random.random() < 0.3:
        record["ContactNumber"] = f"CRM-{random.randrange(10_000, 99_999)}"
    if random.random() < 0.5:
        record["AccountNumber"] = f"{'S' if contact.supplier else 'C'}{random.randrange(1000, 9999)}"
    record |= {"ContactStatus": "ARCHIVED" if contact.archived else "ACTIVE", "Name": contact.name}
    if random.random() < 0.7:
        record |= {"FirstName": first, "LastName": last}
    record |= {
        "EmailAddress": f"accounts{random.randrange(1000)}@example.com" if random.random() < 0.8 else "",
        "BankAccountDetails": "",
    }
    if random.random() < 0.6:
        record["TaxNumber"] = f"{random.randrange(10**10, 10**11)}"
    record |= {
        "Addresses": [
            {"AddressType": "STREET", "City": "", "Region": "", "PostalCode": "", "Country": ""},
            {"AddressType": "POBOX", "City": contact.region, "Region": "", "PostalCode": "", "Country": ""},
        ],
        "Phones": [
            {"PhoneType": kind, "PhoneNumber": "", "PhoneAreaCode": "", "PhoneCountryCode": ""}
            for kind in ("DDI", "DEFAULT", "FAX", "MOBILE")
        ],
        "UpdatedDateUTC": stamp(contact.updated),
        "ContactGroups": [],
        "IsSupplier": "AccountsPayable" in contact.balances,
        "IsCustomer": "AccountsReceivable" in contact.balances,
    }
    if contact.foreign:
        record["DefaultCurrency"] = contact.currency
    if any(outstanding for outstanding, _ in contact.balances.values()):
        record["Balances"] = {
            side: {
                "Outstanding": money(contact.balances.get(side, [0, 0])[0]),
                "Overdue": money(contact.balances.get(side, [0, 0])[1]),
            }
            for side in ("AccountsReceivable", "AccountsPayable")
        }
    record |= {"ContactPersons": [], "HasAttachments": False, "HasValidationErrors": False}
    if contact.merged_to:
        record["MergedToContactID"] = contact.merged_to.id
    return record
