from tests.fakes.nvml.driver import driver, nvml_library

__all__ = ["driver", "nvml_library"]
