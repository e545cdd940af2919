"""What the quantities that rules bound are called: for people, in both languages. Machines read their codes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Language = Literal["fr", "en"]

_NAMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "access.excess_open_max": ("time to take back a right too many", "délai pour retirer un droit de trop"),
        "access.review_age_max": ("age of the last review of rights", "âge de la dernière revue des accès"),
        "alert.accepted_max": ("time until an alert is accepted", "délai pour qu’une alerte soit prise en charge"),
        "alert.channels_min": ("ways by which alerts go out", "voies par où partent les alertes"),
        "alert.opened_max": ("time until an alert is opened", "délai pour qu’une alerte soit ouverte"),
        "alert.test_age_max": ("age of the last test of alerts", "âge du dernier essai des alertes"),
        "api.p95_alert_at": ("answer time of the API (95 of 100)", "temps de réponse de l’API (95 sur 100)"),
        "api_key.replacement_max": ("time to replace an API key", "délai pour remplacer une clé d’API"),
        "attack.window": ("period in which attacks are counted", "période où les attaques sont comptées"),
        "audit.age_max": ("age of the last audit of dependencies", "âge du dernier audit des dépendances"),
        "audit.security_age_max": ("age of the last security audit", "âge du dernier audit de sécurité"),
        "availability.quarter_min": ("availability over a quarter", "disponibilité sur un trimestre"),
        "availability.year_min": ("availability over a year", "disponibilité sur un an"),
        "backup.age_max": ("age of the newest backup", "âge de la dernière sauvegarde"),
        "budget.age_max": ("age of the budget", "âge du budget"),
        "bug.untriaged_max": ("time until a defect is sorted", "délai pour qu’une anomalie soit classée"),
        "canary.age_max": ("age of the last trial alert", "âge de la dernière alerte d’essai"),
        "certificate.alert_before_min": ("warning before a certificate ends", "préavis avant la fin d’un certificat"),
        "certificate.left_min": ("time left on a certificate", "durée restante d’un certificat"),
        "cleanup.cache_age_max": ("age of what lies in caches", "âge de ce qui reste dans les caches"),
        "cleanup.sessions_age_max": ("age of sessions", "âge des sessions"),
        "cleanup.temporary_age_max": ("age of temporary files", "âge des fichiers temporaires"),
        "contacts.called_age_max": ("time since the contacts were called", "temps depuis l’appel des contacts"),
        "cpu.alert_after": ("time of a busy processor before an alert", "durée de charge avant l’alerte"),
        "cpu.alert_at": ("busy processor that raises an alert", "charge du processeur qui alerte"),
        "cpu.used_max": ("use of the processor", "charge du processeur"),
        "database.analyse_age_max": ("time since tables were analysed", "temps depuis l’analyse des tables"),
        "database.calm_min": ("time without strain on a server", "temps sans surcharge du serveur"),
        "database.connections_max": ("connections to the database", "connexions à la base"),
        "database.credential_age_max": ("age of the database's passwords", "âge des mots de passe des bases"),
        "database.deadlocks_max": ("deadlocks", "interblocages"),
        "database.growth_factor_max": (
            "growth of the database, times the usual",
            "croissance de la base, par rapport à l’usage",
        ),
        "database.query_max": ("length of a query", "durée d’une requête"),
        "database.set_age_max": ("age of the newest set of a database", "âge du dernier jeu d’une base"),
        "database.slow_query_from": ("length from which a query is slow", "durée dès laquelle une requête est lente"),
        "database.slow_query_report_max": ("time to report a slow query", "délai pour signaler une requête lente"),
        "database.update_age_max": (
            "age of the last update of the database server",
            "âge de la mise à jour du serveur de bases",
        ),
        "disaster_test.age_max": ("age of the last disaster recovery test", "âge du dernier essai de reprise"),
        "disk.alert_at": ("full disk that raises an alert", "occupation du disque qui alerte"),
        "disk.used_max": ("use of the disk", "occupation du disque"),
        "documentation.review_age_max": (
            "age of the last review of documents",
            "âge de la relecture de la documentation",
        ),
        "drill.age_max": ("age of the last restore drill", "âge du dernier exercice de restauration"),
        "files.set_age_max": ("age of the newest set of files", "âge du dernier jeu de fichiers"),
        "flaw.critical_open_max": ("time to mend a critical flaw", "délai pour corriger une faille critique"),
        "flaw.high_open_max": ("time to mend a high flaw", "délai pour corriger une faille élevée"),
        "flaw.medium_open_max": ("time to mend a medium flaw", "délai pour corriger une faille moyenne"),
        "heartbeat.interval_max": ("time between two heartbeats", "temps entre deux signes de vie"),
        "heartbeat.receipt_age_max": (
            "age of the last receipt of a heartbeat",
            "âge du dernier reçu d’un signe de vie",
        ),
        "heartbeat.received_min": ("share of heartbeats received", "part des signes de vie reçus"),
        "heartbeat.silence_max": ("silence before an alert", "silence avant une alerte"),
        "incident.intervention_max": (
            "time until somebody works on an incident",
            "délai d’intervention sur un incident",
        ),
        "incident.resolution_max": ("time to resolve an incident", "délai de résolution d’un incident"),
        "incident.steps_min": ("steps of an incident", "étapes d’un incident"),
        "inspection.age_max": ("age of the last inspection", "âge de la dernière vérification"),
        "inventory.age_max": ("age of the last inventory", "âge du dernier inventaire"),
        "kms.key_age_max": ("age of a master key", "âge d’une clé maîtresse"),
        "kms.old_key_kept_min": ("time an old master key is kept", "conservation d’une ancienne clé maîtresse"),
        "logs.access_kept_min": ("time access logs are kept", "conservation des journaux d’accès"),
        "logs.archive_min": ("time logs are archived", "archivage des journaux"),
        "logs.online_min": ("time logs stay on line", "journaux gardés en ligne"),
        "logs.uncompressed_max": ("age at which logs are compressed", "âge où les journaux sont comprimés"),
        "logs.verified_age_max": ("time since logs were verified", "temps depuis la vérification des journaux"),
        "memory.alert_at": ("full memory that raises an alert", "occupation de la mémoire qui alerte"),
        "memory.used_max": ("use of the memory", "occupation de la mémoire"),
        "offsite.age_max": ("age of the newest copy elsewhere", "âge de la dernière copie ailleurs"),
        "offsite.word_age_max": ("age of the word on where a store stands", "âge de la parole sur la place d’un dépôt"),
        "outage.major_after": ("length from which an outage is major", "durée dès laquelle une panne est majeure"),
        "page.p95_max": ("answer time of pages (95 of 100)", "temps de réponse des pages (95 sur 100)"),
        "php.update_age_max": ("age of the last update of PHP", "âge de la dernière mise à jour de PHP"),
        "plan.revision_age_max": ("age of the last revision of the plan", "âge de la dernière révision du plan"),
        "postmortem.working_days_max": (
            "working days until the review of an incident",
            "jours ouvrables avant le retour d’expérience",
        ),
        "process.deleted_library_max": (
            "time a process runs on old libraries",
            "temps d’un processus sur d’anciennes bibliothèques",
        ),
        "purge.audit_rows_max": ("age of the rows of audit logs", "âge des lignes des journaux d’audit"),
        "purge.tolerance": ("delay of a purge", "retard d’une purge"),
        "recipients.holders_min": ("people who hold a key", "personnes qui détiennent une clé"),
        "recipients.proof_age_max": ("age of the proof of a key", "âge de la preuve d’une clé"),
        "replication.lag_max": ("lag of the replica", "retard de la réplique"),
        "restore.duration_max": ("length of a restore", "durée d’une restauration"),
        "retention.kept_min": ("time backups are kept", "conservation des sauvegardes"),
        "retention.legal_min": ("time legal data are kept", "conservation des données légales"),
        "rpo.max": ("work that may be lost (RPO)", "perte de données (RPO)"),
        "rto.max": ("time until the service is back (RTO)", "durée de reprise (RTO)"),
        "runbook.review_max": ("age of the last review of the runbook", "âge de la relecture du manuel d’exploitation"),
        "sample.age_max": ("age of the last samples", "âge des derniers relevés"),
        "satisfaction.min": ("satisfaction of users", "satisfaction des utilisateurs"),
        "scan.age_max": ("age of the last scan of images", "âge du dernier examen des images"),
        "secret.old_kept_min": ("time an old secret is kept", "conservation d’un ancien secret"),
        "switchover.age_max": ("age of the last switchover", "âge de la dernière bascule"),
        "training.age_max": ("age of the last training", "âge de la dernière formation"),
        "update.security_pending_max": ("time a security update waits", "attente d’un correctif de sécurité"),
        "web.alive_min": ("web servers that answer", "serveurs web qui répondent"),
        "window.length_max": ("length of a maintenance window", "durée d’une fenêtre de maintenance"),
    }
)


def name(quantity: str, language: Language) -> str:
    """What a quantity is called; one that nobody named yet, by its code."""
    english, french = _NAMES.get(quantity, (quantity, quantity))
    return french if language == "fr" else english
