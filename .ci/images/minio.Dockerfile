# Stands in for minio/minio where no image registry is reached: MinIO's last version, compiled from its source.
FROM keystead-ci/debian:bookworm
COPY minio /usr/local/bin/minio
RUN useradd --system --uid 1000 minio && install -d -o minio /data
USER minio
EXPOSE 9000 9001
VOLUME /data
ENTRYPOINT ["minio"]
CMD ["server", "/data", "--console-address", ":9001"]
