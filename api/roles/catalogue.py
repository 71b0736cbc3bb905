"""What every permission is called, and what it lets one do, in the languages we speak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from api.permissions import Permission

_P = Permission

RESOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "workflow": ("Workflows", "工作流"),
    "run": ("Runs", "运行"),
    "conversation": ("Conversations", "会话"),
    "variable": ("Variables", "变量"),
    "plugin": ("Plugins", "插件"),
    "knowledge": ("Knowledge bases", "知识库"),
    "database": ("Databases", "数据库"),
    "file": ("Files", "文件"),
    "model": ("Models", "模型"),
    "space": ("Spaces", "空间"),
    "member": ("Members of a space", "空间成员"),
    "guest": ("Guests", "访客"),
    "organisation": ("Organisations", "组织"),
    "department": ("Departments", "部门"),
    "employee": ("Employees", "员工"),
    "account": ("Accounts", "账号"),
    "role": ("Roles", "角色"),
    "usage": ("Usage", "用量"),
    "oauth_app": ("OAuth applications", "OAuth 应用"),
    "audit": ("Audit log", "审计日志"),
    "catalogue": ("Catalogues", "目录"),
    "profile": ("One's own profile", "个人资料"),
    "token": ("One's own tokens", "个人令牌"),
}
"""The title of every resource: English, Chinese."""

TEXTS: Final[Mapping[Permission, tuple[str, str, str, str]]] = {
    _P.WORKFLOW_VIEW: ("See workflows", "Open drafts and versions.", "查看工作流", "打开草稿和版本。"),
    _P.WORKFLOW_EDIT: (
        "Edit workflows",
        "Make, change, copy and import them.",
        "编辑工作流",
        "创建、修改、复制、导入。",
    ),
    _P.WORKFLOW_PUBLISH: (
        "Publish workflows",
        "Make a version that others run.",
        "发布工作流",
        "生成可供他人运行的版本。",
    ),
    _P.WORKFLOW_DELETE: (
        "Delete workflows",
        "Move them to the trash, and out of it.",
        "删除工作流",
        "移入或移出回收站。",
    ),
    _P.RUN_VIEW: ("See runs", "Read inputs, outputs and records.", "查看运行", "查看输入、输出和记录。"),
    _P.RUN_START: ("Start runs", "Run versions and try out drafts.", "启动运行", "运行版本或试运行草稿。"),
    _P.RUN_ANSWER: ("Answer runs", "Answer what a run asks.", "回答运行", "回答运行提出的问题。"),
    _P.RUN_CANCEL: ("Cancel runs", "Stop a run for good.", "取消运行", "终止一次运行。"),
    _P.CONVERSATION_VIEW: ("See conversations", "Read what was said.", "查看会话", "查看会话内容。"),
    _P.CONVERSATION_EDIT: ("Edit conversations", "Make, change and clear them.", "编辑会话", "创建、修改和清空会话。"),
    _P.VARIABLE_VIEW: ("See variables", "Definitions and values.", "查看变量", "查看定义和取值。"),
    _P.VARIABLE_EDIT: (
        "Edit variables",
        "Define them, set and reset values.",
        "编辑变量",
        "定义变量，设置和重置取值。",
    ),
    _P.PLUGIN_VIEW: ("See plugins", "Their tools and documents, never keys.", "查看插件", "查看工具和文档，不含密钥。"),
    _P.PLUGIN_EDIT: ("Edit plugins", "Make and change them, set their keys.", "编辑插件", "创建、修改、设置密钥。"),
    _P.PLUGIN_PUBLISH: ("Publish plugins", "Make a version of one.", "发布插件", "生成插件版本。"),
    _P.KNOWLEDGE_VIEW: ("See knowledge", "Read documents, and search.", "查看知识库", "阅读文档并检索。"),
    _P.KNOWLEDGE_EDIT: (
        "Edit knowledge",
        "Make bases, add and delete documents.",
        "编辑知识库",
        "创建知识库，增删文档。",
    ),
    _P.DATABASE_VIEW: ("See databases", "Definitions and rows.", "查看数据库", "查看结构和数据。"),
    _P.DATABASE_EDIT: (
        "Edit databases",
        "Make, fill, change and delete them.",
        "编辑数据库",
        "创建、填充、修改和删除。",
    ),
    _P.FILE_VIEW: ("See files", "Download what was uploaded.", "查看文件", "下载已上传的文件。"),
    _P.FILE_EDIT: ("Upload files", "Upload and delete them.", "上传文件", "上传和删除文件。"),
    _P.MODEL_VIEW: ("See models", "Which there are to choose from.", "查看模型", "查看可用的模型。"),
    _P.SPACE_VIEW: ("See the space", "Its name and what it is for.", "查看空间", "查看名称和说明。"),
    _P.SPACE_EDIT: ("Edit the space", "Its name, description and icon.", "编辑空间", "修改名称、说明和图标。"),
    _P.SPACE_DELETE: ("Delete the space", "An administrator can restore it.", "删除空间", "管理员可以恢复。"),
    _P.SPACE_TRANSFER: ("Transfer the space", "Make somebody else its owner.", "转让空间", "将所有权交给他人。"),
    _P.SPACE_LEAVE: ("Leave the space", "Be a member no longer.", "退出空间", "不再是成员。"),
    _P.MEMBER_VIEW: ("See members", "Who works here, as what.", "查看成员", "查看成员及其角色。"),
    _P.MEMBER_INVITE: ("Invite members", "Up to one's own role.", "邀请成员", "角色不高于自己。"),
    _P.MEMBER_REMOVE: ("Remove members", "None above one's own role.", "移除成员", "不能移除角色更高者。"),
    _P.MEMBER_CHANGE_ROLE: ("Change members' roles", "Up to one's own role.", "调整成员角色", "角色不高于自己。"),
    _P.GUEST_ADMIT: ("Admit guests", "Make tokens for end users.", "接纳访客", "为最终用户签发令牌。"),
    _P.ORGANISATION_VIEW: ("See organisations", "The tree and its departments.", "查看组织", "查看组织树和部门。"),
    _P.ORGANISATION_CREATE: ("Create organisations", "Below this one.", "创建组织", "在本组织之下创建。"),
    _P.ORGANISATION_EDIT: ("Edit organisations", "Rename and move them.", "编辑组织", "改名和移动。"),
    _P.ORGANISATION_DELETE: ("Delete organisations", "Those that are empty.", "删除组织", "仅限空的组织。"),
    _P.DEPARTMENT_CREATE: ("Create departments", "", "创建部门", ""),
    _P.DEPARTMENT_EDIT: ("Edit departments", "Rename, sort and move them.", "编辑部门", "改名、排序和移动。"),
    _P.DEPARTMENT_DELETE: ("Delete departments", "Those that are empty.", "删除部门", "仅限空的部门。"),
    _P.EMPLOYEE_VIEW: ("See employees", "", "查看员工", ""),
    _P.EMPLOYEE_CREATE: ("Create employees", "Also with an account.", "创建员工", "可同时创建账号。"),
    _P.EMPLOYEE_EDIT: ("Edit employees", "", "编辑员工", ""),
    _P.EMPLOYEE_DELETE: ("Delete employees", "", "删除员工", ""),
    _P.EMPLOYEE_CHANGE_DEPARTMENT: ("Change employees' departments", "", "调整员工部门", ""),
    _P.EMPLOYEE_RESIGN: (
        "Let employees resign",
        "And come back; their login follows.",
        "办理离职",
        "离职与复职，登录随之停用或恢复。",
    ),
    _P.ACCOUNT_VIEW: ("See accounts", "", "查看账号", ""),
    _P.ACCOUNT_CREATE: ("Create accounts", "", "创建账号", ""),
    _P.ACCOUNT_DISABLE: ("Disable accounts", "And enable them.", "停用账号", "停用和启用。"),
    _P.ACCOUNT_RESET_PASSWORD: ("Reset passwords", "Of others.", "重置密码", "重置他人的密码。"),
    _P.ROLE_VIEW: ("See roles", "And who has them.", "查看角色", "以及谁拥有它们。"),
    _P.ROLE_CREATE: ("Create roles", "Of what one may oneself.", "创建角色", "不超出自己的权限。"),
    _P.ROLE_EDIT: ("Edit roles", "Within what one may oneself.", "编辑角色", "不超出自己的权限。"),
    _P.ROLE_DELETE: ("Delete roles", "Those that nobody has.", "删除角色", "仅限无人拥有的角色。"),
    _P.ROLE_GRANT: ("Grant roles", "Within what one may oneself.", "授予角色", "不超出自己的权限。"),
    _P.SPACE_MANAGE: ("Manage spaces", "Delete and restore them, join any.", "管理空间", "删除、恢复、加入任何空间。"),
    _P.MODEL_EDIT: ("Edit models", "Of the organisation, with their keys.", "编辑模型", "组织的模型及密钥。"),
    _P.USAGE_VIEW: ("See usage", "What was spent on models.", "查看用量", "模型的花费。"),
    _P.OAUTH_APP_VIEW: ("See OAuth applications", "", "查看 OAuth 应用", ""),
    _P.OAUTH_APP_EDIT: ("Edit OAuth applications", "And their keys.", "编辑 OAuth 应用", "及其密钥。"),
    _P.AUDIT_VIEW: ("Read the audit log", "And write it out.", "查看审计日志", "并导出。"),
    _P.MODEL_EDIT_INSTANCE: ("Edit the instance's models", "", "编辑实例的模型", ""),
    _P.ORGANISATION_CREATE_ROOT: ("Create organisations at the top", "", "创建顶级组织", ""),
    _P.CATALOGUE_VIEW: (
        "See catalogues",
        "Node types, providers, permissions.",
        "查看目录",
        "节点类型、供应商、权限。",
    ),
    _P.PROFILE_VIEW: ("See one's profile", "", "查看个人资料", ""),
    _P.PROFILE_EDIT: ("Edit one's profile", "", "编辑个人资料", ""),
    _P.TOKEN_VIEW: ("See one's tokens", "", "查看个人令牌", ""),
    _P.TOKEN_EDIT: ("Make and revoke one's tokens", "", "管理个人令牌", ""),
    _P.SPACE_CREATE: ("Create spaces", "And own them.", "创建空间", "并成为所有者。"),
}
"""Of every permission: title and description, in English and in Chinese."""


def resource_title(resource: str, language: Literal["en", "zh"]) -> str:
    """What a resource is called."""
    english, chinese = RESOURCES.get(resource, (resource, resource))
    return chinese if language == "zh" else english


def texts_of(permission: Permission, language: Literal["en", "zh"]) -> tuple[str, str]:
    """Title and description of a permission. One that nobody has described yet is called by its name."""
    title, description, zh_title, zh_description = TEXTS.get(permission, (permission.value, "", permission.value, ""))
    return (zh_title, zh_description) if language == "zh" else (title, description)
