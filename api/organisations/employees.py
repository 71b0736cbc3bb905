"""The people of an organisation: who they are, where they work, when they leave."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Member, Permission, require
from api.accounts.passwords import hash_password, one_time_password
from api.accounts.service import AccountsDep, AccountService
from api.actors import ActorDep
from api.organisations.people_schemas import (
    AccountIn,
    EmployeeChange,
    EmployeeId,
    EmployeeIn,
    EmployeeMade,
    EmployeeOut,
    EmployeePage,
    EmployeesIn,
    EmployeeState,
    Imported,
    PlaceIn,
    PlaceOut,
    PlacesIn,
    ResignIn,
)
from api.organisations.roster import read_roster
from api.organisations.schemas import OrganisationRef, Search
from api.organisations.scope import check_also, giver, named, organisation_of
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import StoresDep
from api.reading import strict_route
from engine.errors import InvalidInput
from storage.accounts import NewAccount
from storage.ids import parse_id
from storage.people.employees import CHANGED, NewEmployee, Person, checked_values
from storage.people.places import Place

router = APIRouter(
    prefix="/organisations/{organisation}/employees", tags=["employees"], route_class=strict_route("canvas_bytes")
)

Viewer = Annotated[Member, require(Permission.EMPLOYEE_VIEW, anywhere=True)]
Creator = Annotated[Member, require(Permission.EMPLOYEE_CREATE, anywhere=True)]
Editor = Annotated[Member, require(Permission.EMPLOYEE_EDIT, anywhere=True)]
Deleter = Annotated[Member, require(Permission.EMPLOYEE_DELETE, anywhere=True)]
Placer = Annotated[Member, require(Permission.EMPLOYEE_CHANGE_DEPARTMENT, anywhere=True)]
Dismisser = Annotated[Member, require(Permission.EMPLOYEE_RESIGN, anywhere=True)]

_CLEARED = frozenset({"number", "email", "mobile"})
"""What a null takes away; elsewhere it lets things be."""


@router.post("", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503))
async def create_employee(
    organisation: OrganisationRef,
    body: EmployeeIn,
    member: Creator,
    stores: StoresDep,
    accounts: AccountsDep,
    actor: ActorDep,
) -> EmployeeMade:
    """Take somebody in, if wanted with an account: all or nothing. The password of a new account is shown this once."""
    org = await organisation_of(stores, organisation, member, Permission.EMPLOYEE_CREATE)
    values = checked_values({word: getattr(body, word) for word in CHANGED})
    account, linked, password = None, None, None
    if body.create_account and body.account_id is not None:
        raise InvalidInput("An account is made or linked, not both.", field="account_id")
    if body.create_account:
        check_also(member, Permission.ACCOUNT_CREATE, org.id)
        account, password = await _new_account(org.id, values["name"], values["email"], member)
    elif body.account_id is not None:
        linked = await _to_link(body.account_id, org.id, member, accounts)
    new = NewEmployee(values, _places(body.departments), account, linked)
    made = await stores.employees(org.id).create(new, actor, giver(member))
    return EmployeeMade(**_shown(made), one_time_password=password)


@router.get("", responses=problems(401, 403, 404, 422))
async def list_employees(
    organisation: OrganisationRef,
    member: Viewer,
    stores: StoresDep,
    department_id: Annotated[str | None, Query(max_length=30, description="Only those of this department.")] = None,
    direct: Annotated[bool, Query(description="Of that department alone, not of those below it.")] = False,
    state: EmployeeState | None = None,
    search: Search = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> EmployeePage:
    """List the people of an organisation, the newest first."""
    org = await organisation_of(stores, organisation, member, Permission.EMPLOYEE_VIEW)
    department = None if department_id is None else named(department_id, "department", "department_id")
    page = await stores.employees(org.id).page(
        department_id=department, direct=direct, state=state, search=search, cursor=cursor, limit=limit
    )
    return EmployeePage(items=[EmployeeOut(**_shown(one)) for one in page.items], next_cursor=page.next)


@router.post("/import", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def import_employees(
    organisation: OrganisationRef, body: EmployeesIn, member: Creator, stores: StoresDep, actor: ActorDep
) -> Imported:
    """Take in everybody of a table, or nobody: then every line that does not fit is told. Accounts are not made."""
    org = await organisation_of(stores, organisation, member, Permission.EMPLOYEE_CREATE)
    people = await read_roster(stores, org.id, body.csv)
    made = await stores.employees(org.id).create_all(people, actor, giver(member))
    return Imported(count=len(made), ids=[str(one) for one in made])


@router.get("/{employee}", responses=problems(401, 403, 404))
async def get_employee(
    organisation: OrganisationRef, employee: EmployeeId, member: Viewer, stores: StoresDep
) -> EmployeeOut:
    """One employee."""
    org = await organisation_of(stores, organisation, member, Permission.EMPLOYEE_VIEW)
    return EmployeeOut(**_shown(await stores.employees(org.id).get(parse_id(employee, "employee"))))


@router.patch("/{employee}", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def change_employee(
    organisation: OrganisationRef,
    employee: EmployeeId,
    body: EmployeeChange,
    member: Editor,
    stores: StoresDep,
    actor: ActorDep,
) -> EmployeeOut:
    """Change what is known of somebody."""
    org = await organisation_of(stores, organisation, member, Permission.EMPLOYEE_EDIT)
    given = body.model_dump(exclude_unset=True)
    changes = {word: value for word, value in given.items() if value is not None or word in _CLEARED}
    changed = await stores.employees(org.id).change(parse_id(employee, "employee"), changes, actor)
    return EmployeeOut(**_shown(changed))


@router.put("/{employee}/departments", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def place_employee(
    organisation: OrganisationRef,
    employee: EmployeeId,
    body: PlacesIn,
    member: Placer,
    stores: StoresDep,
    actor: ActorDep,
) -> EmployeeOut:
    """Let somebody work in these departments, instead of those before.

    Where they, or those above them, are given roles, one must be allowed to give roles there.
    """
    org = await organisation_of(stores, organisation, member, Permission.EMPLOYEE_CHANGE_DEPARTMENT)
    places, employee_id = _places(body.departments), parse_id(employee, "employee")
    return EmployeeOut(**_shown(await stores.employees(org.id).place(employee_id, places, actor, giver(member))))


@router.post("/{employee}/resign", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def resign_employee(
    organisation: OrganisationRef,
    employee: EmployeeId,
    body: ResignIn,
    member: Dismisser,
    stores: StoresDep,
    accounts: AccountsDep,
    actor: ActorDep,
) -> EmployeeOut:
    """End a job: the login and every token end with the next request. Runs that go on already end as they would."""
    org = await organisation_of(stores, organisation, member, Permission.EMPLOYEE_RESIGN)
    employee_id = parse_id(employee, "employee")
    account = (await stores.employees(org.id).get(employee_id)).employee.account_id
    if account is not None:
        # It closes: whoever holds roles beyond one's own reach is not for one to lock out.
        await accounts.of_others(account, member, Permission.EMPLOYEE_RESIGN)
    left = await stores.careers(org.id).resign(employee_id, actor, reason=body.reason)
    return EmployeeOut(**_shown(left))


@router.post("/{employee}/restore", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def restore_employee(
    organisation: OrganisationRef,
    employee: EmployeeId,
    body: PlacesIn,
    member: Dismisser,
    stores: StoresDep,
    accounts: AccountsDep,
    actor: ActorDep,
) -> EmployeeOut:
    """Take somebody back. The login is open again, unless it was closed for another reason than resigning."""
    org = await organisation_of(stores, organisation, member, Permission.EMPLOYEE_RESIGN)
    places, employee_id = _places(body.departments), parse_id(employee, "employee")
    account = (await stores.employees(org.id).get(employee_id)).employee.account_id
    if account is not None:
        # It opens: whom one may not lock out, one does not let in again either.
        await accounts.of_others(account, member, Permission.EMPLOYEE_RESIGN)
    return EmployeeOut(**_shown(await stores.careers(org.id).restore(employee_id, places, actor, giver(member))))


@router.delete("/{employee}", status_code=204, responses=problems(401, 403, 404, 409))
async def delete_employee(
    organisation: OrganisationRef, employee: EmployeeId, member: Deleter, stores: StoresDep, actor: ActorDep
) -> Response:
    """Forget an employee who has resigned, or has no account. What the account owns stays."""
    org = await organisation_of(stores, organisation, member, Permission.EMPLOYEE_DELETE)
    await stores.employees(org.id).delete(parse_id(employee, "employee"), actor)
    return Response(status_code=204)


@router.put("/{employee}/account", responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503))
async def link_account(
    organisation: OrganisationRef,
    employee: EmployeeId,
    body: AccountIn,
    member: Editor,
    stores: StoresDep,
    accounts: AccountsDep,
    actor: ActorDep,
) -> EmployeeMade:
    """Give an employee an account: one of the organisation, or a new one, whose password is shown this once."""
    org = await organisation_of(stores, organisation, member, Permission.EMPLOYEE_EDIT)
    employee_id = parse_id(employee, "employee")
    who = (await stores.employees(org.id).get(employee_id)).employee
    account: int | NewAccount
    password = None
    if body.create and body.account_id is None:
        check_also(member, Permission.ACCOUNT_CREATE, org.id)
        account, password = await _new_account(org.id, who.name, who.email, member)
    elif body.account_id is not None and not body.create:
        account = await _to_link(body.account_id, org.id, member, accounts)
    else:
        raise InvalidInput("Say which account, or that one shall be made.", field="account_id")
    linked = await stores.careers(org.id).link(employee_id, account, actor, giver(member))
    return EmployeeMade(**_shown(linked), one_time_password=password)


@router.delete("/{employee}/account", responses=problems(401, 403, 404, 409))
async def unlink_account(
    organisation: OrganisationRef, employee: EmployeeId, member: Editor, stores: StoresDep, actor: ActorDep
) -> EmployeeOut:
    """Take the account off an employee. It stays as it is, without the roles of his departments."""
    org = await organisation_of(stores, organisation, member, Permission.EMPLOYEE_EDIT)
    check_also(member, Permission.ACCOUNT_DISABLE, org.id)
    return EmployeeOut(**_shown(await stores.careers(org.id).unlink(parse_id(employee, "employee"), actor)))


async def _new_account(org_id: int, name: str, email: str | None, member: Member) -> tuple[NewAccount, str]:
    if email is None:
        raise InvalidInput("An account is known by an e-mail address: the employee needs one.", field="email")
    password = one_time_password()
    hashed = await hash_password(password)
    return NewAccount(org_id, email, name, hashed, change_password=True, created_by=member.account_id), password


async def _to_link(account_id: str, org_id: int, member: Member, accounts: AccountService) -> int:
    # With the last day of the employee the account closes: who links it decides on that.
    check_also(member, Permission.ACCOUNT_DISABLE, org_id)
    given = named(account_id, "account", "account_id")
    return (await accounts.of_others(given, member, Permission.ACCOUNT_DISABLE)).id


def _places(given: list[PlaceIn]) -> list[Place]:
    return [Place(named(one.department_id, "department", "departments"), one.job_title, one.primary) for one in given]


def _shown(person: Person) -> dict[str, Any]:
    one = person.employee
    return {
        "id": str(one.id),
        "organisation_id": str(one.org_id),
        "account_id": None if one.account_id is None else str(one.account_id),
        "departments": [
            PlaceOut(
                department_id=str(place.department_id),
                name=place.name,
                job_title=place.job_title,
                primary=place.primary,
                active=place.active,
            )
            for place in person.places
        ],
        **{word: getattr(one, word) for word in (*CHANGED, "state", "created", "updated", "resigned")},
    }
