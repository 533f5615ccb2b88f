"""Where files are: a relative path of the configuration starts at the folder of gateway.yaml.

The working directory is not asked: a service manager, a shell and a container each have another, and a gateway that
is started in a new one would make a new store and new keys there, in silence.
"""

from pathlib import Path

from gateway.settings.model import Pages, ProviderSection, Settings
from gateway.settings.units import StoreUrl

_FILES = ("ca_file", "file")


def placed(settings: Settings, folder: Path) -> Settings:
    """The settings with each path of store, keys, CA bundles, people and logo put into `folder`; absolute ones stay."""
    store = settings.store
    providers = {name: _with_files(one, folder) for name, one in settings.providers.items()}
    return settings.model_copy(
        update={
            "store": StoreUrl(f"sqlite:{folder / store.file}") if store.file else store,
            "keys": settings.keys.model_copy(update={"file": str(folder / settings.keys.file)}),
            "providers": providers,
            "pages": _with_logo(settings.pages, folder),
        }
    )


def _with_files(provider: ProviderSection, folder: Path) -> ProviderSection:
    """Its CA bundle, and the file of its people."""
    written = {key: getattr(provider, key, None) for key in _FILES}
    placed = {key: str(folder / file) for key, file in written.items() if file}
    return provider.model_copy(update=placed) if placed else provider


def _with_logo(pages: Pages, folder: Path) -> Pages:
    return pages.model_copy(update={"logo": str(folder / pages.logo)}) if pages.logo else pages
