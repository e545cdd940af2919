#!/bin/sh
# RESTORE.sh opens the backup set in whose folder it lies, by hand, without Intendance.
# RESTORE.sh ouvre à la main, sans Intendance, la sauvegarde dans le dossier de laquelle il se trouve.
#
# Type `sh RESTORE.sh` for help. / Tapez `sh RESTORE.sh` pour l'aide.
#
# What it does is short, and can be typed without it. Each part is an OpenPGP message around one zstd frame:
#   for part in STREAM-[0-9][0-9][0-9][0-9][0-9].zst.gpg; do gpg --decrypt "$part"; done | zstd -dc | tar -x, or mariadb

set -u
language=en
case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in fr*) language=fr ;; esac
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
work=

help() {
  cat <<'HELP'
RESTORE.sh opens the backup set in this folder. Nothing is ever written over, nothing decrypted is written to disk
except the files that you restore.

  sh RESTORE.sh check [FINGERPRINT]   Is the set whole and genuine? Verifies the signature of MANIFEST.json and the
                                      hash of every part. Give the fingerprint of the node's key, from your recovery
                                      sheet, to have it compared; else compare it yourself. Needs no private key.
  sh RESTORE.sh list                  The streams in this set, their parts and sizes. Needs no private key.
  sh RESTORE.sh files DIR [BASE]      Restore the file tree into DIR, which must not exist yet. As root, owners come
                                      back too (by number). A differential set restores first the full set that it
                                      builds on: the folder beside this one, or BASE.
  sh RESTORE.sh sql STREAM            Write the SQL of one stream to standard output, for the database's client:
                                        sh RESTORE.sh sql db-shop | mariadb --binary-mode --comments
  sh RESTORE.sh physical DIR          Unpack the files of a whole MariaDB server into DIR, which must not exist yet,
                                      and make them ready to start. Needs mbstream and mariadb-backup of the release
                                      series that the set comes from; says how to start a server there.
  sh RESTORE.sh raw STREAM            Write any stream as it is to standard output:
                                        sh RESTORE.sh raw tree | tar -tv
                                      A SQLite database is its stream db, into a file that does not exist yet:
                                        sh RESTORE.sh raw db > copy.sqlite

Needs: gpg with one private key of a recipient (GNUPGHOME, or your own keyring), zstd, sha256sum, tar, and for SQL the
database's own client. Exit code: 0 done, 1 failed, 2 wrong usage.

--------

RESTORE.sh ouvre la sauvegarde qui se trouve dans ce dossier. Rien n'est jamais écrasé ; rien de déchiffré n'est écrit
sur le disque, sauf les fichiers que vous restaurez.

  sh RESTORE.sh check [EMPREINTE]     La sauvegarde est-elle entière et authentique ? Vérifie la signature de
                                      MANIFEST.json et l'empreinte de chaque partie. Donnez l'empreinte de la clé du
                                      nœud, qui est sur votre fiche de secours, pour qu'elle soit comparée ; sinon
                                      comparez-la vous-même. Ne demande aucune clé privée.
  sh RESTORE.sh list                  Les flux de cette sauvegarde, leurs parties et leurs tailles, sans clé privée.
  sh RESTORE.sh files DOSSIER [BASE]  Restaure l'arborescence dans DOSSIER, qui ne doit pas encore exister. En tant que
                                      root, les propriétaires reviennent aussi (par numéro). Une différentielle restaure
                                      d'abord la complète dont elle part : le dossier voisin de celui-ci, ou BASE.
  sh RESTORE.sh sql FLUX              Écrit le SQL d'un flux sur la sortie standard, pour le client de la base :
                                        sh RESTORE.sh sql db-shop | mariadb --binary-mode --comments
  sh RESTORE.sh physical DOSSIER      Déballe les fichiers d'un serveur MariaDB entier dans DOSSIER, qui ne doit pas
                                      encore exister, et les rend prêts à démarrer. Demande mbstream et mariadb-backup
                                      de la série dont vient la sauvegarde ; dit comment y démarrer un serveur.
  sh RESTORE.sh raw FLUX              Écrit un flux tel quel sur la sortie standard :
                                        sh RESTORE.sh raw tree | tar -tv
                                      Une base SQLite est son flux db, dans un fichier qui n'existe pas encore :
                                        sh RESTORE.sh raw db > copie.sqlite

Il faut : gpg avec la clé privée d'un des destinataires (GNUPGHOME, ou votre trousseau), zstd, sha256sum, tar et, pour
le SQL, le client de la base. Code de retour : 0 réussi, 1 échec, 2 mauvais usage.
HELP
}

# say ENGLISH FRENCH: one line to the person, on standard error.
say() {
  if [ "$language" = fr ]; then printf '%s\n' "RESTORE.sh : $2" >&2; else printf '%s\n' "RESTORE.sh: $1" >&2; fi
}

# stop CODE ENGLISH FRENCH: say why, and end.
stop() {
  say "$2" "$3"
  exit "$1"
}

cleanup() { [ -z "$work" ] || rm -rf -- "$work"; }

need() {
  for program in "$@"; do
    command -v "$program" >/dev/null 2>&1 || stop 1 "the program $program is not installed." \
      "le programme $program n'est pas installé."
  done
}

# mark STAGE: remember that one stage of a pipeline failed; the shell itself only knows of the last one.
mark() { : >"$work/failed-$1"; }

failed_stages() {
  for stage in "$work"/failed-*; do
    [ -e "$stage" ] && printf ' %s' "${stage##*/failed-}"
  done
}

# The list of parts must be well formed before any name in it is used.
read_sums() {
  for name in MANIFEST.json MANIFEST.json.asc SHA256SUMS NODE-KEY.asc; do
    [ -f "$here/$name" ] || stop 1 "$name is missing: this folder is not a complete set." \
      "$name manque : ce dossier n'est pas une sauvegarde complète."
  done
  if grep -Evq '^[0-9a-f]{64}  ([a-z0-9-]+-[0-9]{5,}\.zst\.gpg|RESTORE\.sh|NODE-KEY\.asc)$' "$here/SHA256SUMS"; then
    stop 1 "SHA256SUMS holds a line that does not belong there." "SHA256SUMS contient une ligne qui n'a rien à y faire."
  fi
}

streams() { sed -n 's/^[0-9a-f]*  \(.*\)-[0-9]*\.zst\.gpg$/\1/p' "$here/SHA256SUMS" | uniq; }

parts_of() { sed -n "s/^[0-9a-f]*  \\($1-[0-9]*\\.zst\\.gpg\\)\$/\\1/p" "$here/SHA256SUMS"; }

# The node's signature covers MANIFEST.json, which holds the hash of SHA256SUMS, which holds the hash of all else.
check_signature() {
  rm -rf -- "$work/node"
  mkdir -m 700 "$work/node" || exit 1
  if ! gpg --homedir "$work/node" --no-options --no-autostart --batch --quiet \
    --import "$here/NODE-KEY.asc" >"$work/gpg" 2>&1; then
    cat "$work/gpg" >&2
    stop 1 "NODE-KEY.asc is not a usable key." "NODE-KEY.asc n'est pas une clé utilisable."
  fi
  if ! gpg --homedir "$work/node" --no-options --no-autostart --batch --trust-model always --status-fd 1 \
    --verify "$here/MANIFEST.json.asc" "$here/MANIFEST.json" >"$work/status" 2>"$work/gpg"; then
    cat "$work/gpg" >&2
    stop 1 "the signature of MANIFEST.json is WRONG: do not trust this set." \
      "la signature de MANIFEST.json est FAUSSE : ne vous fiez pas à cette sauvegarde."
  fi
  signer=$(sed -n 's/^\[GNUPG:\] VALIDSIG .* \([0-9A-F]\{40,\}\)$/\1/p' "$work/status")
  case $signer in
    '' | *[!0-9A-F]*) stop 1 "MANIFEST.json bears no single valid signature." \
      "MANIFEST.json ne porte pas exactement une signature valable." ;;
  esac
  sum=$(sha256sum <"$here/SHA256SUMS" | cut -c 1-64)
  if ! grep -q "{\"name\":\"SHA256SUMS\",\"sha256\":\"$sum\"}" "$here/MANIFEST.json"; then
    stop 1 "SHA256SUMS is not the one that the node signed: do not trust this set." \
      "SHA256SUMS n'est pas celui que le nœud a signé : ne vous fiez pas à cette sauvegarde."
  fi
}

# check_part NAME: the part is there and is the one that was signed.
check_part() {
  if [ ! -f "$here/$1" ]; then
    say "the part $1 is missing." "la partie $1 manque."
    return 1
  fi
  listed=$(grep "  $1\$" "$here/SHA256SUMS" | cut -c 1-64)
  found=$(sha256sum <"$here/$1" | cut -c 1-64)
  if [ "$listed" != "$found" ]; then
    say "$1 is damaged: its hash is not the listed one." "$1 est abîmé : son empreinte n'est pas celle de la liste."
    return 1
  fi
}

# decrypt_parts STREAM: every part in order, each one verified before a byte of it is used.
decrypt_parts() {
  number=0
  for part in $(parts_of "$1"); do
    if [ "$part" != "$(printf '%s-%05d.zst.gpg' "$1" "$number")" ]; then
      say "part $number of $1 is not listed." "la partie $number de $1 n'est pas dans la liste."
      return 1
    fi
    check_part "$part" || return 1
    if ! gpg --quiet --decrypt "$here/$part"; then
      say "$part cannot be decrypted: see what gpg said above." "$part ne se déchiffre pas : voyez ce que dit gpg."
      return 1
    fi
    number=$((number + 1))
  done
}

# open_stream STREAM: its bytes as they were backed up, on standard output.
open_stream() { { decrypt_parts "$1" || mark gpg; } | { zstd -q -dc || mark zstd; }; }

# known_stream NAME: refuse what this set does not hold, and any part that is not there, before the first byte.
known_stream() {
  case $1 in
    '' | *[!a-z0-9-]*) stop 2 "\`$1\` is not the name of a stream." "« $1 » n'est pas le nom d'un flux." ;;
  esac
  [ -n "$(parts_of "$1")" ] || stop 2 "this set holds no stream \`$1\`; see: sh RESTORE.sh list" \
    "cette sauvegarde n'a pas de flux « $1 » ; voyez : sh RESTORE.sh list"
  for part in $(parts_of "$1"); do
    [ -f "$here/$part" ] || stop 1 "the part $part is missing." "la partie $part manque."
  done
}

do_check() {
  need gpg sha256sum
  check_signature
  wrong=0
  for name in RESTORE.sh NODE-KEY.asc; do check_part "$name" || wrong=$((wrong + 1)); done
  for stream in $(streams); do
    number=0
    for part in $(parts_of "$stream"); do
      if [ "$part" = "$(printf '%s-%05d.zst.gpg' "$stream" "$number")" ] && check_part "$part"; then
        printf '%s: OK\n' "$part"
      else
        printf '%s: FAILED\n' "$part"
        wrong=$((wrong + 1))
      fi
      number=$((number + 1))
    done
  done
  [ "$wrong" -eq 0 ] || stop 1 "$wrong file(s) of this set are damaged or missing." \
    "$wrong fichier(s) de cette sauvegarde sont abîmés ou absents."
  wanted=$(printf '%s' "${1:-}" | tr -d ' :' | tr 'a-f' 'A-F')
  if [ -z "$wanted" ]; then
    printf '%s\n' "$signer"
    say "whole. Signed by the key above: compare its fingerprint with that of your recovery sheet." \
      "entière. Signée par la clé ci-dessus : comparez son empreinte avec celle de votre fiche de secours."
  elif [ "$wanted" = "$signer" ]; then
    printf '%s\n' "$signer"
    say "whole, and signed by the key that you named." "entière, et signée par la clé que vous avez donnée."
  else
    stop 1 "signed by $signer, NOT by the key that you named: do not trust this set." \
      "signée par $signer et NON par la clé que vous avez donnée : ne vous y fiez pas."
  fi
}

do_list() {
  for stream in $(streams); do
    bytes=0
    count=0
    for part in $(parts_of "$stream"); do
      count=$((count + 1))
      if [ -f "$here/$part" ]; then
        bytes=$((bytes + $(wc -c <"$here/$part")))
      else
        say "the part $part is missing." "la partie $part manque."
      fi
    done
    case $stream in
      tree | again | changes | changes-again) use="sh RESTORE.sh files DIR" ;;
      server) use="sh RESTORE.sh physical DIR" ;;
      db) use="sh RESTORE.sh raw db > FILE" ;;
      *) use="sh RESTORE.sh sql $stream" ;;
    esac
    printf '%-50s %6d parts %16d bytes   %s\n' "$stream" "$count" "$bytes" "$use"
  done
}

# untar STREAM OPTION…: extract one stream into the folder that do_files has just created.
untar() {
  stream=$1
  shift
  open_stream "$stream" | {
    tar -C "$target" -x -p --numeric-owner --acls --xattrs '--xattrs-include=*' "$@" -f - || mark tar
  }
}

# new_folder DIR: verify the set, then create the folder under a name that says that it is not complete yet, `target`.
new_folder() {
  target=$1
  if [ -e "$target" ] || [ -L "$target" ]; then
    stop 2 "$target already exists; name a folder that does not." "$target existe déjà ; nommez un dossier nouveau."
  fi
  check_signature
  say "signed by $signer." "signée par $signer."
  parent=$(CDPATH='' cd -- "$(dirname -- "$target")" && pwd) || exit 1
  whole=${parent%/}/$(basename -- "$target")
  target=${parent%/}/.$(basename -- "$target").partial
  if [ -e "$target" ] || [ -L "$target" ]; then
    stop 2 "$target is left of a restore that was broken off, or is under way: see that none is, and remove it." \
      "$target reste d'une restauration interrompue, ou en cours : vérifiez qu'il n'y en a pas, et supprimez-le."
  fi
  mkdir -m 700 -- "$target" || exit 1
}

# give_name: all of it is there: bring it to the disk, then give it the name that was asked for.
give_name() {
  sync
  if [ -e "$whole" ] || [ -L "$whole" ] || ! mv -T -- "$target" "$whole"; then
    stop 1 "$whole cannot be given its name; all of it is in $target." \
      "$whole ne peut recevoir son nom ; tout est dans $target."
  fi
  target=$whole
}

# require_all: every stage of the pipeline before ended well.
require_all() {
  failed=$(failed_stages)
  [ -z "$failed" ] || stop 1 "FAILED ($failed ): what stands in $target is not complete; remove it." \
    "ÉCHEC ($failed ) : ce qui se trouve dans $target n'est pas complet ; supprimez-le."
}

# base_of SET|SHA256: the full set that a differential builds on, as its signed manifest names it; else nothing.
base_of() {
  sed -n "s/.*\"base\":{\"set\":\"\([a-z0-9.TZ-]*\)\",\"sha256\":\"\([0-9a-f]*\)\"}.*/\\$1/p" "$here/MANIFEST.json"
}

# open_base FOLDER: go on with the full set that this one builds on, if that is the very set which our manifest names.
open_base() {
  base=${1:-$here/../$(base_of 1)}
  if [ "$(sha256sum 2>/dev/null <"$base/MANIFEST.json" | cut -c 1-64)" != "$(base_of 2)" ]; then
    stop 1 "this set builds on $(base_of 1), which is not $base: name its folder after DIR." \
      "cette sauvegarde part de $(base_of 1), qui n'est pas $base : donnez son dossier après DOSSIER."
  fi
  here=$(CDPATH='' cd -- "$base" && pwd) || exit 1
  read_sums
}

# untar_tree TREE AGAIN: the reading of a tree, and the second one of what changed meanwhile, which replaces the first.
untar_tree() {
  # With this option tar deletes what is not in the archive: strangers, of which a new folder has none, or what was
  # deleted since the full backup.
  untar "$1" --listed-incremental=/dev/null
  if [ -z "$(failed_stages)" ] && [ -n "$(parts_of "$2")" ]; then untar "$2"; fi
  require_all
}

do_files() {
  need gpg sha256sum zstd tar
  itself=$here
  if [ -n "$(base_of 1)" ]; then
    known_stream changes
    check_signature
    open_base "${2:-}"
  elif [ $# -eq 2 ]; then
    wrong_usage
  fi
  known_stream tree
  new_folder "$1"
  untar_tree tree again
  if [ "$here" != "$itself" ]; then
    here=$itself
    # Folders may be closed to their owner, or would hand their setgid on to those that are made in them, which tar
    # leaves so; the differential brings the modes of all again.
    find "$target" -type d \( ! -perm -700 -o -perm /2000 \) -exec chmod u+rwx,g-s {} \;
    untar_tree changes changes-again
  fi
  give_name
  say "restored into $target." "restauré dans $target."
}

# from_manifest NAME: a number that the signed manifest holds under that name.
from_manifest() { sed -n "s/.*\"$1\":\([0-9]*\)[,}].*/\1/p" "$here/MANIFEST.json"; }

do_physical() {
  need gpg sha256sum zstd mbstream mariadb-backup
  known_stream server
  new_folder "$1"
  version=$(sed -n 's/.*"server_version":"\([0-9.]*\).*/\1/p' "$here/MANIFEST.json")
  say "from MariaDB $version; only that series opens it." "vient de MariaDB $version ; seule cette série l'ouvre."
  open_stream server | { mbstream -x -C "$target" || mark mbstream; }
  require_all
  if [ -n "$(find "$target" -name '*.isl')" ]; then
    stop 1 "some tables point to files outside of $target: a server must not be started on it." \
      "des tables renvoient à des fichiers hors de $target : il ne faut pas y démarrer de serveur."
  fi
  # The files were copied from below a running server: its log, copied with them, brings them to one instant.
  mariadb-backup --no-defaults --prepare --target-dir="$target" 2>"$work/prepare" || mark prepare
  tail -n 1 "$work/prepare" | grep -q 'completed OK!$' || mark prepare
  [ -z "$(failed_stages)" ] || tail -n 5 "$work/prepare" >&2
  require_all
  give_name
  say "restored into $target. Start a server there:" "restauré dans $target. Pour y démarrer un serveur :"
  options="--innodb-page-size=$(from_manifest page_size_bytes)"
  options="$options --lower-case-table-names=$(from_manifest lower_case_table_names)"
  case $(sed -n 's/.*"data_file_path":"\([A-Za-z0-9_:;.]*\)".*/\1/p' "$here/MANIFEST.json") in
    '' | 'ibdata1:12M:autoextend') ;;
    *) say "…with innodb_data_file_path as in $target/backup-my.cnf." \
      "…avec innodb_data_file_path comme dans $target/backup-my.cnf." ;;
  esac
  undo=$(from_manifest undo_tablespaces)
  [ "${undo:-0}" -eq 0 ] || options="$options --innodb-undo-tablespaces=$undo"
  [ "$(id -u)" -ne 0 ] || options="$options --user=root"
  printf 'mariadbd --no-defaults --datadir=%s --socket=%s/mariadb.sock --skip-networking --event-scheduler=OFF %s\n' \
    "$target" "$target" "$options"
}

# do_stream STREAM MEDIA: to standard output.
do_stream() {
  need gpg sha256sum zstd
  known_stream "$1"
  check_signature
  say "signed by $signer." "signée par $signer."
  open_stream "$1"
  failed=$(failed_stages)
  if [ -n "$failed" ]; then
    # The client at the other end of the pipe cannot see our exit code: give it something that it must refuse.
    [ "$2" = raw ] || printf '\nRESTORE_SH_FAILED_THIS_SQL_IS_NOT_COMPLETE;\n'
    stop 1 "FAILED ($failed ): what was written is not complete; do not use it." \
      "ÉCHEC ($failed ) : ce qui a été écrit n'est pas complet ; ne l'utilisez pas."
  fi
}

wrong_usage() {
  help >&2
  exit 2
}

command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
  check) [ $# -le 1 ] || wrong_usage ;;
  list) [ $# -eq 0 ] || wrong_usage ;;
  files) [ $# -eq 1 ] || [ $# -eq 2 ] || wrong_usage ;;
  physical | sql | raw) [ $# -eq 1 ] || wrong_usage ;;
  help | -h | --help)
    help
    exit 0
    ;;
  *) wrong_usage ;;
esac

umask 077
GPG_TTY=${GPG_TTY:-$(tty 2>/dev/null)} || GPG_TTY=
export GPG_TTY
trap cleanup EXIT
trap 'exit 1' HUP INT TERM PIPE
work=$(mktemp -d) || exit 1
read_sums
case $command in
  check) do_check "$@" ;;
  list) do_list ;;
  files) do_files "$@" ;;
  physical) do_physical "$1" ;;
  sql)
    case $1 in tree | again | changes | changes-again) stop 2 "$1 holds files: use \`sh RESTORE.sh files DIR\`." \
      "$1 contient des fichiers : utilisez « sh RESTORE.sh files DOSSIER »." ;;
      server) stop 2 "$1 holds a server's files: use \`sh RESTORE.sh physical DIR\`." \
        "$1 contient les fichiers d'un serveur : utilisez « sh RESTORE.sh physical DOSSIER »." ;;
      db) stop 2 "$1 is a SQLite database: use \`sh RESTORE.sh raw db > FILE\`." \
        "$1 est une base SQLite : utilisez « sh RESTORE.sh raw db > FICHIER »." ;; esac
    do_stream "$1" sql
    ;;
  raw) do_stream "$1" raw ;;
esac
