"""The company's three regional offices, each an organisation of its own in Xero."""

from dataclasses import dataclass
from datetime import date
from random import Random

from local.company.wire import DAY, midnight

COMPANIES = (
    "Larkspur & Finch Wholesale",
    "Coolabah Hospitality Supply",
    "Three Jetties Trading",
    "Bellwether Provedore",
    "Saltbush Catering Supplies",
)

OVERSEAS = "Overseas"
HOUR = 3_600_000

# What the Australian tax types are called in New Zealand, where food is taxed like everything else.
_NEW_ZEALAND = {
    "OUTPUT": "OUTPUT2",
    "INPUT": "INPUT2",
    "EXEMPTEXPORT": "ZERORATED",
    "EXEMPTOUTPUT": "ZERORATED",
    "EXEMPTEXPENSES": "NONE",
    "BASEXCLUDED": "NONE",
}


@dataclass(frozen=True, kw_only=True)
class Office:
    """One office.

    key: its part of the seed; user: who may connect it; share: of the company's documents.
    opens: the hour in UTC, counted from the day's midnight, at which work begins there.
    price_level: what an Australian dollar's worth of goods costs in the office's currency.
    regions: where its customers are; closed_region: where it sold once, an archived tracking option.
    foreign_bank: name and currency of a bank account besides those in base currency and US dollars.
    """

    key: str
    place: str
    user: str
    share: float
    currency: str
    country: str
    timezone: str
    opens: int
    price_level: float
    regions: tuple[str, ...]
    closed_region: str
    foreign_bank: tuple[str, str]
    street: str
    city: str
    region: str
    post_code: str
    phone: tuple[str, str]

    @property
    def food_is_taxed(self) -> bool:
        return self.country == "NZ"

    def tax(self, australian: str) -> str:
        """The office's own name of an Australian tax type."""
        return _NEW_ZEALAND.get(australian, australian) if self.country == "NZ" else australian


OFFICES = (
    Office(
        key="sydney",
        place="Sydney",
        user="user-1",
        share=0.4,
        currency="AUD",
        country="AU",
        timezone="AUSEASTERNSTANDARDTIME",
        opens=-1,
        price_level=1.0,
        regions=("Sydney & NSW", "Victoria", "Queensland"),
        closed_region="Tasmania",
        foreign_bank=("Euro Account", "EUR"),
        street="Unit 4, 118 Wharf Road",
        city="Port Botany",
        region="NSW",
        post_code="2036",
        phone=("02", "5550 0117"),
    ),
    Office(
        key="perth",
        place="Perth",
        user="user-1",
        share=0.3,
        currency="AUD",
        country="AU",
        timezone="WAUSTRALIASTANDARDTIME",
        opens=1,
        price_level=1.06,
        regions=("Perth & WA", "South Australia", "Northern Territory"),
        closed_region="Goldfields",
        foreign_bank=("Euro Account", "EUR"),
        street="22 Rous Head Road",
        city="North Fremantle",
        region="WA",
        post_code="6159",
        phone=("08", "5550 0142"),
    ),
    Office(
        key="auckland",
        place="Auckland",
        user="user-2",
        share=0.3,
        currency="NZD",
        country="NZ",
        timezone="NEWZEALANDSTANDARDTIME",
        opens=-3,
        price_level=1.09,
        regions=("Auckland & Northland", "Waikato & Bay of Plenty", "Wellington", "South Island"),
        closed_region="Chatham Islands",
        foreign_bank=("Australian Dollar Account", "AUD"),
        street="9 Plumer Street",
        city="Auckland",
        region="Auckland",
        post_code="1010",
        phone=("09", "555 0163"),
    ),
)


@dataclass(frozen=True)
class Scene:
    """Whose books are drawn, and of which days: from `first`, the last one before `today`."""

    office: Office
    first: date
    today: date

    @property
    def limit(self) -> int:
        """No stamp of the books lies at or after it."""
        return midnight(self.today)

    def at_work(self, random: Random, on: date) -> int:
        """An instant in the eight working hours of a day, before the limit."""
        instant = midnight(on) + self.office.opens * HOUR + random.randrange(8 * HOUR)
        return min(instant, self.limit - random.randrange(1, DAY // 24))
