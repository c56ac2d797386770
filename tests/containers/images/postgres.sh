# Makes the database at the first start, as the registry's image does.
if [ ! -d data ]; then
  initdb -D data -U "$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" -E UTF8 --locale=C.UTF-8 \
    --auth-host=scram-sha-256 --auth-local=trust
  echo 'host all all all scram-sha-256' >>data/pg_hba.conf
  echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D data postgres
fi
exec postgres -D data -k /tmp -c listen_addresses='*'
