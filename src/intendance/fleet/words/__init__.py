"""What other logs than a node's own say of it: the manager's looks into stores, ledgers of hosts that were imported."""
