"""What a test or a demo tells the stand-in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.amocrm import saving
from simulators.amocrm.cards import LOST, WON
from simulators.amocrm.fields import custom_field
from simulators.amocrm.grants import CLIENT_ID, Integration

if TYPE_CHECKING:
    from simulators.amocrm.simulator import AmocrmSimulator


class Controls:
    """Routes under `/_sim/amocrm`."""

    def __init__(self, account: AmocrmSimulator) -> None:
        self._sim = account

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/contacts", self._told_contacts, methods=["POST"]),
            Route("/leads", self._told_leads, methods=["POST"]),
            Route("/move", self._told_move, methods=["POST"]),
            Route("/delete", self._told_delete, methods=["POST"]),
            Route("/save", self._told_save, methods=["POST"]),
            Route("/restore", self._told_restore, methods=["POST"]),
            Route("/merge", self._told_merge, methods=["POST"]),
            Route("/between", self._told_between, methods=["POST"]),
            Route("/hooks", self._told_hooks, methods=["POST"]),
            Route("/integration", self._told_integration, methods=["POST"]),
            Route("/agree", self._told_agree, methods=["POST"]),
            Route("/settings", self._told_settings, methods=["POST"]),
            Route("/fields", self._told_fields, methods=["POST"]),
            Route("/pipelines", self._told_pipelines, methods=["POST"]),
            Route("/rename", self._told_rename, methods=["POST"]),
            Route("/tick", self._told_tick, methods=["POST"]),
        ]

    async def _told_contacts(self, request: Request) -> Response:
        """`[{name, phone, email}]`: contacts are created."""
        made = [self._sim.add("contacts", one)["id"] for one in await request.json()]
        return JSONResponse({"ids": made, "answers": await self._sim.send()})

    async def _told_leads(self, request: Request) -> Response:
        """`[{name, price, status_id, contacts}]`: deals are created; their webhooks go in one request."""
        made = [self._sim.add("leads", one)["id"] for one in await request.json()]
        return JSONResponse({"ids": made, "answers": await self._sim.send()})

    async def _told_move(self, request: Request) -> Response:
        """`{ids, status_id}`: a person moves deals."""
        given = await request.json()
        for lead_id in given["ids"]:
            self._sim.change("leads", self._sim.cards["leads"][lead_id], {"status_id": given["status_id"]})
        return JSONResponse({"answers": await self._sim.send()})

    async def _told_delete(self, request: Request) -> Response:
        """`{kind, ids}`: a person deletes cards."""
        given = await request.json()
        for card_id in given["ids"]:
            self._sim.delete(given["kind"], self._sim.cards[given["kind"]][card_id])
        return JSONResponse({"answers": await self._sim.send()})

    async def _told_save(self, request: Request) -> Response:
        """`{kind, id, fields}`: a person saves a card; `custom_fields_values` are entries as the API takes them."""
        given = await request.json()
        saving.saved(self._sim, given["kind"], self._sim.cards[given["kind"]][given["id"]], given["fields"])
        return JSONResponse({"answers": await self._sim.send()})

    async def _told_restore(self, request: Request) -> Response:
        """`{kind, ids}`: a person takes cards out of the bin."""
        given = await request.json()
        for card_id in given["ids"]:
            self._sim.restore(given["kind"], self._sim.cards[given["kind"]][card_id])
        return JSONResponse({"answers": await self._sim.send()})

    async def _told_merge(self, request: Request) -> Response:
        """`{kind, survivor, others}`: a person makes one card of several."""
        given = await request.json()
        cards = self._sim.cards[given["kind"]]
        self._sim.merge(given["kind"], cards[given["survivor"]], [cards[one] for one in given["others"]])
        return JSONResponse({"answers": await self._sim.send()})

    async def _told_between(self, request: Request) -> Response:
        """`[{kind, fields}]`: a person saves whatever card of that kind is written next, right after it was."""
        self._sim.between += [(one["kind"], one["fields"]) for one in await request.json()]
        return JSONResponse({"waiting": len(self._sim.between)})

    async def _told_hooks(self, request: Request) -> Response:
        """`{destination, settings, disabled}`: an administrator registers an address."""
        given = await request.json()
        hook = self._sim.subscribe(given["destination"], given["settings"])
        hook.disabled = bool(given.get("disabled", False))
        return JSONResponse(hook.shown())

    async def _told_integration(self, request: Request) -> Response:
        """`{client_id, secret, redirect_uri}`: an integration's card is filled in anew."""
        given = await request.json()
        client_id = given.pop("client_id", CLIENT_ID)
        self._sim.grants.integrations[client_id] = Integration(**given)
        return JSONResponse({"client_id": client_id})

    async def _told_agree(self, request: Request) -> Response:
        """`{client_id, state}`: a person agrees; where he is sent."""
        given = await request.json()
        return JSONResponse({"location": self._sim.redirect(given.get("client_id", CLIENT_ID), given.get("state"))})

    async def _told_settings(self, request: Request) -> Response:
        """`{admin, filters, rotation, long_lived, per_second, expire_access, withdraw, seen_after, hidden, unseen,
        deaf, cuts}`, any of them."""
        given = await request.json()
        self._sim.seen_after = given.get("seen_after", self._sim.seen_after)
        self._sim.hidden = set(given.get("hidden", self._sim.hidden))
        self._sim.unseen = set(given.get("unseen", self._sim.unseen))
        self._sim.deaf = set(given.get("deaf", self._sim.deaf))
        self._sim.cuts = dict(given.get("cuts", self._sim.cuts))
        self._sim.admin = given.get("admin", self._sim.admin)
        self._sim.filters = given.get("filters", self._sim.filters)
        self._sim.grants.rotation = given.get("rotation", self._sim.grants.rotation)
        self._sim.grants.long_lived |= set(given.get("long_lived", ()))
        self._sim.pace.per_second = given.get("per_second", self._sim.pace.per_second)
        if given.get("expire_access"):
            self._sim.grants.expire_access()
        if given.get("withdraw"):
            self._sim.grants.withdraw()
        return JSONResponse(
            {"admin": self._sim.admin, "filters": self._sim.filters, "rotation": self._sim.grants.rotation}
        )

    async def _told_fields(self, request: Request) -> Response:
        """`{leads: [{id, name, type, code, enums}]}`: an administrator makes fields."""
        for kind, given in (await request.json()).items():
            for one in given:
                self._sim.fields[kind][one["id"]] = custom_field(
                    one["id"], one["name"], one.get("type", "text"), one.get("code"), one.get("enums", ())
                )
        return JSONResponse({kind: sorted(known) for kind, known in self._sim.fields.items()})

    async def _told_pipelines(self, request: Request) -> Response:
        """`{pipeline: [stage, ...]}`: further pipelines, each with the two last stages besides; `users: [id]`."""
        given = await request.json()
        self._sim.users |= {user: f"Менеджер {user}" for user in given.pop("users", ())}
        self._sim.pipelines |= {int(one): [*stages, WON, LOST] for one, stages in given.items()}
        return JSONResponse({str(one): stages for one, stages in self._sim.pipelines.items()})

    async def _told_rename(self, request: Request) -> Response:
        """`{subdomain, old: redirect | refuse}`: the account has another address from now on."""
        given = await request.json()
        self._sim.grants.subdomain, self._sim.renamed = given["subdomain"], given.get("old", "redirect")
        return JSONResponse({"subdomain": self._sim.grants.subdomain})

    async def _told_tick(self, request: Request) -> Response:
        """`{seconds}`: amoCRM's clock runs on."""
        return JSONResponse({"sent": await self._sim.tick((await request.json())["seconds"])})
