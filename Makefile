.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-systemd lint format lock docs bench clean

help: ## Show these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

demo: .venv/.embedded ## Hear three recordings and typed questions, answer them over MQTT
	@.venv/bin/python -m demo

test: .venv/.dev lint ## Everything that needs no special hardware
	@scripts/mosquitto.sh >/dev/null
	JARVISD_REQUIRE_MOSQUITTO=1 .venv/bin/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test-slow: .venv/.dev ## What takes minutes: soak, long audio
	JARVISD_REQUIRE_MOSQUITTO=1 .venv/bin/python -m pytest -m slow --timeout 5400

test-systemd: .venv/.dev ## On a real systemd (as root)
	.venv/bin/python -m pytest -m systemd --timeout 300

lint: .venv/.dev ## Format, lint, types, import contracts
	.venv/bin/ruff format --check --quiet .
	.venv/bin/ruff check --quiet .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo

format: .venv/.dev ## Format and fix what a tool can
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

docs: .venv/.dev ## Generate etc/jarvisd.toml and the reference pages
	.venv/bin/python -m jarvisd.config.reference

bench: .venv/.embedded ## Figures of this machine (add ARGS=--json)
	.venv/bin/python -m benchmarks.pipeline $(ARGS)

lock: ## Resolve the tested versions anew (needs uv)
	uv pip compile -q pyproject.toml --extra embedded --universal --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" -o requirements/embedded.txt
	uv pip compile -q requirements/dev.in --universal --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" -o requirements/dev.txt

clean: ## Remove the environment and everything generated
	rm -rf .venv *.egg-info build .mypy_cache .ruff_cache .pytest_cache

.venv/.embedded: requirements/embedded.txt requirements/models.txt pyproject.toml
	@scripts/setup.sh embedded

.venv/.dev: requirements/dev.txt requirements/models.txt requirements/dev-models.txt pyproject.toml
	@scripts/setup.sh dev
