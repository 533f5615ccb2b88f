"""Where files are: a relative path of the configuration starts at the folder of gateway.yaml.

The working directory is not asked: a service manager, a shell and a container each have another, and a gateway that
is started in a new one would make a new store and new keys there, in silence.
"""

from pathlib import Path

from gateway.settings.model import Pages, ProviderSection, Settings
from gateway.settings.units import StoreUrl


def placed(settings: Settings, folder: Path) -> Settings:
    """The settings with each path of store, keys, CA bundles and logo put into `folder`; absolute ones stay."""
    store = settings.store
    providers = {name: _with_bundle(one, folder) for name, one in settings.providers.items()}
    return settings.model_copy(
        update={
            "store": StoreUrl(f"sqlite:{folder / store.file}") if store.file else store,
            "keys": settings.keys.model_copy(update={"file": str(folder / settings.keys.file)}),
            "providers": providers,
            "pages": _with_logo(settings.pages, folder),
        }
    )


def _with_bundle(provider: ProviderSection, folder: Path) -> ProviderSection:
    if not provider.ca_file:
        return provider
    return provider.model_copy(update={"ca_file": str(folder / provider.ca_file)})


def _with_logo(pages: Pages, folder: Path) -> Pages:
    return pages.model_copy(update={"logo": str(folder / pages.logo)}) if pages.logo else pages
