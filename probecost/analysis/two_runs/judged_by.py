"""The settings by which two runs were judged, as their run files name them."""

from __future__ import annotations

from pathlib import Path

from probecost.analysis.settings.settings import Settings, load_settings
from probecost.analysis.tree.run import read_run
from probecost.errors import ConfigError

_OPTION = "analysis_config"


def common_settings(runs: tuple[Path, Path], given: Path | None) -> Settings:
    """The settings of ``given``, else the settings that both runs name, else the default.

    Raises ``ConfigError`` if the runs name different settings, or a file that no longer exists.
    """
    if given is not None:
        return load_settings(given)
    named = {run: read_run(run)[0].options.get(_OPTION, "") for run in runs}
    if len(named) == 1:  # the comparison itself refuses a run and itself
        return load_settings()
    remedy = "name the settings for both: --config FILE"
    gone = [f"{run} was judged by {file}, which is gone" for run, file in named.items() if file and not _is_file(file)]
    if gone:
        raise ConfigError(*gone, hint=remedy)
    first, second = (load_settings(Path(file) if file else None) for file in named.values())
    if first != second:
        files = [f"{run} was judged by {file or 'the default settings'}" for run, file in named.items()]
        raise ConfigError("the runs were judged by different settings", *files, hint=remedy)
    return first


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:
        return False
