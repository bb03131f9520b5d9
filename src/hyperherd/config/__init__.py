"""``hyperherd.yaml`` -> checked values, or all of its faults with their lines. Loads pydantic and ruamel.yaml."""
