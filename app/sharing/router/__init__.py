"""Routers of sharing."""

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()
