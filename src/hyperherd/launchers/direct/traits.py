"""What this machine is as a launcher."""

from hyperherd.launchers.traits import Traits

TRAITS = Traits("this machine", pause_s=0.25, gives_ids=False, elsewhere=False, forgets=False)
