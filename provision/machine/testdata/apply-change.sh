echo begin 0
mark weir-kafka.service
echo done 0
echo begin 1
put /etc/weir/kafka/server.properties root root 0644 12 52872dc2ca37999f29b5e5cfaec04376cf410a83b5a9f10802aa7984edfc36e0
echo done 1
echo begin 2
restart weir-kafka.service
echo done 2
