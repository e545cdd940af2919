"""The words from which the demonstration's rows and files are made."""

from __future__ import annotations

import random
import unicodedata
from itertools import accumulate

FIRST_NAMES = (
    "Aline", "Amélie", "Anaïs", "André", "Antoine", "Astrid", "Aurélie", "Baptiste", "Béatrice", "Benoît", "Bernard",
    "Camille", "Catherine", "Cédric", "Chloé", "Christophe", "Claire", "Clémence", "Damien", "Delphine", "Dirk",
    "Élise", "Émilie", "Éric", "Fatima", "Florence", "François", "Françoise", "Gaëlle", "Geert", "Guillaume", "Hanne",
    "Hélène", "Hugo", "Inès", "Isabelle", "Jacques", "Jeanne", "Joke", "Joëlle", "Julie", "Karim", "Koen", "Laurence",
    "Léa", "Lieve", "Louis", "Lucie", "Maëlle", "Marc", "Marie-Anne", "Mehdi", "Michèle", "Nadia", "Nathalie", "Noé",
    "Noémie", "Olivier", "Pascale", "Philippe", "Pierre-Yves", "Raphaël", "Renée", "Samira", "Sébastien", "Sofie",
    "Stéphane", "Thérèse", "Thomas", "Valérie", "Véronique", "Wim", "Xavier", "Yann", "Yasmine", "Zoé",
)  # fmt: skip
LAST_NAMES = (
    "Adam", "Antoine", "Baert", "Barbier", "Bertrand", "Blanchard", "Bodart", "Bonnet", "Boucher", "Brasseur",
    "Caron", "Charlier", "Claes", "Collignon", "Cools", "D'Hondt", "De Backer", "De Smet", "De Vos", "Delvaux",
    "Denis", "Deschamps", "Dubois", "Dufour", "Dumont", "Dupont", "Durand", "Évrard", "Fontaine", "Fournier",
    "François", "Gérard", "Gillet", "Girard", "Goossens", "Henry", "Hermans", "Hubert", "Jacobs", "Janssens",
    "Lambert", "Laurent", "Lefèbvre", "Lejeune", "Lemaire", "Leroy", "Maes", "Marchal", "Martin", "Masson",
    "Mercier", "Mertens", "Michaux", "Moreau", "Nguyen", "Noël", "Pauwels", "Peeters", "Perrin", "Petit", "Piron",
    "Renard", "Renson", "Robert", "Rousseau", "Roussel", "Segers", "Simon", "Smets", "Thiry", "Van den Berg",
    "Van Damme", "Vandenberghe", "Verhoeven", "Vermeulen", "Willems", "Wouters",
)  # fmt: skip
TOWNS = (
    ("1000", "Bruxelles", "BE"), ("1050", "Ixelles", "BE"), ("1060", "Saint-Gilles", "BE"), ("1180", "Uccle", "BE"),
    ("1300", "Wavre", "BE"), ("1348", "Louvain-la-Neuve", "BE"), ("4000", "Liège", "BE"), ("4500", "Huy", "BE"),
    ("5000", "Namur", "BE"), ("6000", "Charleroi", "BE"), ("6700", "Arlon", "BE"), ("7000", "Mons", "BE"),
    ("7500", "Tournai", "BE"), ("9000", "Gent", "BE"), ("2000", "Antwerpen", "BE"), ("3000", "Leuven", "BE"),
    ("59000", "Lille", "FR"), ("59500", "Douai", "FR"), ("08000", "Charleville-Mézières", "FR"),
    ("51100", "Reims", "FR"), ("54000", "Nancy", "FR"), ("57000", "Metz", "FR"), ("62000", "Arras", "FR"),
    ("75011", "Paris", "FR"), ("80000", "Amiens", "FR"), ("02100", "Saint-Quentin", "FR"),
)  # fmt: skip
# France sets 01 99 00 and 06 39 98 aside for fiction (Arcep, numbering plan); Belgium has no such range.
PHONES = {"FR": ("+33 1 99 00 {:04}", "+33 6 39 98 {:04}"), "BE": ("+32 2 555 {:04}",)}
STREETS = (
    "Rue de la Gare", "Avenue des Tilleuls", "Chaussée de Charleroi", "Place de l'Église", "Rue du Moulin",
    "Rue Haute", "Boulevard de l'Yser", "Drève du Château", "Rue des Écoles", "Quai de Meuse", "Kerkstraat",
    "Molenstraat", "Impasse du Puits", "Allée des Érables", "Rue Basse", "Clos des Mésanges", "Rue de l'Abattoir",
    "Avenue de la Toison d'Or", "Rue aux Laines", "Chemin des Vignes",
)  # fmt: skip
NOTES = (
    "", "", "", "Préfère le courrier papier.", "Bénévole au magasin le samedi.", "Ne plus solliciter avant 2027.",
    "Parrainée par le comité de Namur ; à remercier.", "Membre fondateur 🎖️", "Allergique aux noix (repas annuel).",
    "Vertrouwelijk: enkel per e-mail contacteren.", "Reçu fiscal au nom de jeune fille.", "Aime l'aquarelle 🎨.",
)  # fmt: skip
CATEGORIES = (
    ("ordinaire", "25.00"), ("ordinaire", "25.00"), ("ordinaire", "27.50"), ("étudiant", "10.00"),
    ("famille", "40.00"), ("bienfaiteur", "120.00"), ("honneur", "0.00"),
)  # fmt: skip
METHODS = ("virement", "virement", "carte", "espèces", "prélèvement", "prélèvement")
CAMPAIGNS = (
    "Toit de l'école", "Potager partagé", "Hiver solidaire", "Bibliothèque roulante", "Vacances pour tous",
    "Fonctionnement", "Urgence inondations", "Atelier vélo", "Noël 2025",
)  # fmt: skip
MESSAGES = (
    "Merci pour tout ce que vous faites ❤️", "En mémoire de ma grand-mère.", "Bon courage à l'équipe !",
    "Pour les enfants.", "Petit geste, de tout cœur.", "Bedankt voor jullie inzet 🙏",
    "À utiliser où c'est le plus utile.",
    "Communication structurée ***090/9337/55493***", "« Ensemble, on va plus loin »",
)  # fmt: skip
EVENT_KINDS = ("Atelier", "Conférence", "Marche", "Brocante", "Repas annuel", "Concert", "Formation", "Assemblée")
EVENT_SUBJECTS = (
    "apiculture urbaine", "premiers secours", "les plantes oubliées", "comptabilité pour bénévoles", "couture",
    "histoire du quartier", "réparer son vélo", "lecture à voix haute", "cuisine du monde", "compost et sol vivant",
)  # fmt: skip
PLACES = ("Maison de quartier", "Salle communale", "Ferme du Bercuit", "Centre culturel", "École libre", "Parc")
PARAGRAPHS = (
    (
        "Venez nombreux : l'activité est ouverte à toutes et à tous, membres ou non. Petite restauration prévue "
        "sur place, au profit du potager partagé."
    ),
    (
        "Les places sont limitées ; l'inscription est confirmée par courriel dans les deux jours. En cas d'absence, "
        "prévenez-nous afin que votre place profite à quelqu'un d'autre."
    ),
    (
        "Accès : à dix minutes à pied de la gare, arrêt de bus « Église ». Le parking est réservé aux personnes à "
        "mobilité réduite."
    ),
    (
        "L'animatrice travaille depuis quinze ans dans l'éducation permanente. Elle répondra à vos questions à la "
        "pause, et laissera à chacun un carnet d'exercices."
    ),
    (
        "Prévoyez de bonnes chaussures, un vêtement de pluie et de quoi boire. L'activité a lieu par tous les temps, "
        "sauf alerte orange 🌧️."
    ),
    (
        "Avec le soutien de la commune et de la province. Les photographies prises ce jour-là pourront être publiées ; "
        "dites-nous si vous ne le souhaitez pas."
    ),
)
STATUSES = ("confirmée", "confirmée", "présente", "présente", "présente", "en attente", "annulée")
REMARKS = (
    "Vient avec un enfant de 4 ans.", "Végétarienne", "Arrivera vers 15 h",
    "Chaise roulante : merci de prévoir l'accès",
    "Covoiturage depuis Namur possible 🚗", "Paie sur place",
)  # fmt: skip
DOCUMENT_KINDS = (
    "Procès-verbal de l'assemblée générale", "Reçu fiscal", "Rapport d'activités", "Comptes annuels", "Statuts",
    "Convention de bénévolat", "Devis toiture",
)  # fmt: skip
ACTORS = ("secrétariat", "trésorerie", "accueil", "site", "site", "site", "import", "comité")
DEEDS = tuple(
    (action, entity)
    for action in ("lire", "lire", "lire", "créer", "modifier", "modifier", "exporter", "supprimer")
    for entity in ("membre", "don", "cotisation", "inscription", "document")
)
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "crud-asbl-import/2.4",
)
MODULES = ("Membre", "Don", "Cotisation", "Activite", "Inscription", "Courrier", "Rapport", "Document", "Stock")
MEMBER_COLUMNS = (
    "id,number,first_name,last_name,email,phone,street,postcode,town,country,birth_date,newsletter,notes,created_at"
)
AUDIT_COLUMNS = "id,member_id,actor,action,entity,entity_id,ip,user_agent,details,created_at"
PHP_CONFIGURATION = b"""<?php
return [
    'dsn' => 'mysql:unix_socket=/run/mysqld/mysqld.sock;dbname=crud_asbl_ong;charset=utf8mb4',
    'user' => 'crud',
    'password' => getenv('CRUD_DB_PASSWORD'),
];
"""

# How likely each second of a day is: people sleep, then work, then write letters in the evening.
_HOURS = (1, 1, 1, 1, 1, 2, 6, 15, 30, 45, 50, 45, 30, 40, 50, 45, 40, 35, 35, 45, 50, 35, 15, 5)
WAKING = tuple(accumulate(_HOURS[second // 3600] for second in range(86_400)))


TIMES = tuple(f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}" for second in range(86_400))


def ascii_name(name: str) -> str:
    """A name as it stands in an address of mail."""
    plain = unicodedata.normalize("NFD", name).encode("ascii", "ignore").decode().lower()
    return "".join(character for character in plain if character.isalnum())


_VERBS = ("find", "save", "list", "render", "check")


def php(name: str, methods: int, rng: random.Random) -> bytes:
    """A class in PHP with some methods."""
    body = "".join(
        f"\n    public function {rng.choice(_VERBS)}{number}(int $id): array\n    {{\n"
        f"        $rows = $this->db->fetch('SELECT * FROM t{rng.randrange(40)} WHERE id = ?', [$id]);\n"
        f"        return array_slice($rows, 0, {rng.randrange(1, 500)});\n    }}\n"
        for number in range(methods)
    )
    return f"<?php\n\ndeclare(strict_types=1);\n\nfinal class {name}\n{{{body}}}\n".encode()


def template(name: str, rng: random.Random) -> bytes:
    """A page's template."""
    rows = "".join(f"  <li>{{{{ {name.lower()}.champ{n} }}}}</li>\n" for n in range(rng.randrange(5, 40)))
    return f"{{% extends 'base.html.twig' %}}\n<h1>{name} : à l'écran</h1>\n<ul>\n{rows}</ul>\n".encode()
