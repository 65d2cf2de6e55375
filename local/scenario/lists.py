"""What a day does to the lists that documents refer to: accounts, contacts, tracking options, items, tax rates."""

from local.scenario.day import Day, Record


def open_an_account(day: Day) -> list[str]:
    accounts = day.records("Accounts")
    taken = {account.get("Code") for account in accounts}
    code = next(str(code) for code in range(206, 1000) if str(code) not in taken)
    sales = next(account for account in accounts if account.get("Code") == "200")
    account = {
        "AccountID": day.guid(),
        "Code": code,
        "Name": f"Sales - Pop-up Store {code}",
        "Status": "ACTIVE",
        "Type": "REVENUE",
        "TaxType": sales["TaxType"],
        "Description": "Goods sold at markets and fairs",
        "Class": "REVENUE",
        "EnablePaymentsToAccount": False,
        "ShowInExpenseClaims": False,
        "ReportingCode": "REV",
        "ReportingCodeName": "Revenue",
        "HasAttachments": False,
        "AddToWatchlist": False,
    }
    day.new_account = day.add("Accounts", account)
    return [f"account {code} {account['Name']!r}: opened"]


def archive_an_account(day: Day) -> list[str]:
    (account,) = day.choose(
        "Accounts",
        lambda one: (
            one["Status"] == "ACTIVE" and one.get("Class") == "EXPENSE" and not one.get("SystemAccount")
        ),
    )
    day.end("Accounts", account["AccountID"])
    return [f"account {account['Code']} {account['Name']!r}: archived"]


def win_a_customer(day: Day) -> list[str]:
    number = day.random.randrange(100, 1000)
    contact = {
        "ContactID": day.guid(),
        "ContactStatus": "ACTIVE",
        "Name": f"Kiosk № {number} – キオスク 🍡",
        "FirstName": "Noor",
        "LastName": "Ó Briain",
        "EmailAddress": f"kiosk{number}@example.com",
        "BankAccountDetails": "",
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "IsSupplier": False,
        "IsCustomer": True,
        "ContactPersons": [],
        "HasAttachments": False,
        "HasValidationErrors": False,
    }
    day.new_contact = day.add("Contacts", contact)
    return [f"contact {contact['Name']!r}: added"]


def rename_a_contact(day: Day) -> list[str]:
    contact = _regular(day)
    name = f"{contact['Name'][:220]} (formerly)"
    day.change("Contacts", contact, {"Name": name})
    return [f"contact {contact['Name']!r}: renamed {name!r}"]


def archive_a_contact(day: Day) -> list[str]:
    contact = _regular(day)
    day.change("Contacts", contact, {"ContactStatus": "ARCHIVED"})
    return [f"contact {contact['Name']!r}: archived"]


def merge_a_contact(day: Day) -> list[str]:
    """One contact goes over into another: it stays, archived, and says into which."""
    gone, kept = _regular(day), _regular(day)
    values = {"ContactStatus": "ARCHIVED", "MergedToContactID": kept["ContactID"]}
    day.change("Contacts", gone, values)
    return [f"contact {gone['Name']!r}: merged into {kept['Name']!r}"]


def rename_a_tracking_option(day: Day) -> list[str]:
    """Tracking categories have no stamp, so only reading them again tells."""
    (category,) = day.choose("TrackingCategories", lambda one: one["Status"] == "ACTIVE" and one["Options"])
    options = [dict(option) for option in category["Options"]]
    option = day.random.choice(options)
    old = option["Name"]
    option["Name"] = f"{old} (new)"
    day.change("TrackingCategories", category, {"Options": options})
    return [f"tracking option {old!r} of {category['Name']!r}: renamed {option['Name']!r}"]


def delete_an_item(day: Day) -> list[str]:
    """A deleted item vanishes without a word."""
    (item,) = day.choose("Items", lambda one: not one["IsTrackedAsInventory"])
    day.post("vanish", resource="Items", id=item["ItemID"])
    return [f"item {item['Code']} {item['Name']!r}: deleted"]


def add_a_tax_rate(day: Day) -> list[str]:
    taken = {rate["TaxType"] for rate in day.records("TaxRates")}
    kind = next(f"TAX{number:03}" for number in range(1, 1000) if f"TAX{number:03}" not in taken)
    rate: Record = {
        "Name": "Levy on single-use cups",
        "TaxType": kind,
        "ReportTaxType": "OUTPUT",
        "CanApplyToAssets": False,
        "CanApplyToEquity": False,
        "CanApplyToExpenses": False,
        "CanApplyToLiabilities": False,
        "CanApplyToRevenue": True,
        "DisplayTaxRate": 2.5,
        "EffectiveRate": 2.5,
        "Status": "ACTIVE",
        "TaxComponents": [{"Name": "Levy", "Rate": 2.5, "IsCompound": False, "IsNonRecoverable": False}],
    }
    day.add("TaxRates", rate)
    return [f"tax rate {kind} {rate['Name']!r}: added"]


def _regular(day: Day) -> Record:
    """An active contact that no step has changed today."""
    (contact,) = day.choose("Contacts", lambda one: one.get("ContactStatus") == "ACTIVE")
    return contact
