"""The kernel that runs pure actors: behaviours, effects, hosts, restart policy, clocks. It knows nothing of trading."""
