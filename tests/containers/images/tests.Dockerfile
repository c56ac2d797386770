# What `make test` needs, beside what the image is built of: the tests on its Python, and the
# outside world of the check.
FROM mailtrack-build
RUN uv pip install --quiet --no-cache --python /app --require-hashes -r requirements.lock
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/checkout \
    HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis
WORKDIR /checkout
