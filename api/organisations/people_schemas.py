"""What routes about employees take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, Field, StringConstraints

from api.organisations.schemas import STAYS, IdText, Title
from api.parameters import Body, Id, Millis

EmployeeId = Annotated[str, Path(max_length=30, description="The id of an employee.")]
EmployeeState = Literal["active", "resigned"]

Word = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)]
Number = Annotated[str, StringConstraints(max_length=64, strip_whitespace=True)]
Email = Annotated[str, StringConstraints(max_length=191, strip_whitespace=True)]
Mobile = Annotated[str, StringConstraints(max_length=32, strip_whitespace=True)]
Avatar = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]


class PlaceIn(Body):
    """A department to work in."""

    department_id: IdText = Field(description="A department of the organisation.", examples=["208134112739467264"])
    job_title: Word = Field("", examples=["工程师"])
    primary: bool = Field(False, description="The one of several that counts; of a single one it is understood.")


Places = Annotated[list[PlaceIn], Field(min_length=1, max_length=50)]
PLACES: Any = Field(
    description="Where he works; exactly one department is the primary one.",
    examples=[[{"department_id": "208134112739467264", "job_title": "工程师", "primary": True}]],
)


class EmployeeIn(Body):
    """Somebody new."""

    name: Title = Field(examples=["王小明"])
    departments: Places = PLACES
    number: Number | None = Field(None, description="Unique in the organisation.", examples=["0042"])
    email: Email | None = Field(None, description="Unique in the organisation.", examples=["xiaoming@example.com"])
    mobile: Mobile | None = Field(None, description="Unique in the organisation.", examples=["+86 138 0000 0000"])
    en_name: Word = ""
    nickname: Word = ""
    avatar: Avatar = ""
    create_account: bool = Field(
        False, description="Make an account with the e-mail address, and a password that is shown once."
    )
    account_id: IdText | None = Field(None, description="Or link this account of the organisation.")


class EmployeeChange(Body):
    """What shall be otherwise. What is absent stays."""

    name: Title | None = Field(None, description=STAYS, examples=["王晓明"])
    number: Number | None = Field(None, description="Null takes it away.")
    email: Email | None = Field(None, description="Null takes it away. That of his account stays.")
    mobile: Mobile | None = Field(None, description="Null takes it away.")
    en_name: Word | None = Field(None, description=STAYS)
    nickname: Word | None = Field(None, description=STAYS)
    avatar: Avatar | None = Field(None, description=STAYS)


class PlacesIn(Body):
    """Where somebody works from now on."""

    departments: Places = PLACES


class ResignIn(Body):
    """The end of a job."""

    reason: Annotated[str, Field(max_length=500)] = Field(
        "", description="Kept in the audit log.", examples=["搬到了另一座城市"]
    )


class AccountIn(Body):
    """The account that an employee logs in with: one that is there, or a new one."""

    account_id: IdText | None = Field(None, description="An account of the organisation that no employee has.")
    create: bool = Field(
        False, description="Make one with his e-mail address, and a password that is shown once.", examples=[True]
    )


class EmployeesIn(Body):
    """People from a table."""

    csv: Annotated[str, Field(min_length=1, max_length=2_000_000)] = Field(
        description="With a heading: name, departments, and as wanted number, email, mobile, en_name, nickname,"
        " job_title. Departments are codes or paths, several with ; between them, the primary first.",
        examples=["name,number,departments,job_title\n王小明,0042,研发部/平台组,工程师\n"],
    )


class PlaceOut(BaseModel):
    """A department that somebody works in, or did."""

    department_id: Id
    name: str
    job_title: str
    primary: bool
    active: bool = Field(description="False once he has resigned.")


class EmployeeOut(BaseModel):
    """An employee."""

    id: Id
    organisation_id: Id
    name: str
    number: str | None
    email: str | None
    mobile: str | None
    en_name: str
    nickname: str
    avatar: str
    state: EmployeeState
    account_id: Id | None
    departments: list[PlaceOut] = Field(description="The primary one first.")
    created: Millis
    updated: Millis
    resigned: Millis | None


class EmployeeMade(EmployeeOut):
    """An employee who may just have got an account."""

    one_time_password: str | None = Field(
        None, description="Of the new account; shown this once, and good for choosing another one."
    )


class EmployeePage(BaseModel):
    """Some employees, the newest first."""

    items: list[EmployeeOut]
    next_cursor: str | None


class Imported(BaseModel):
    """What came of a table."""

    count: int
    ids: list[Id] = Field(description="Of the new employees, line by line.")
